package structure_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/davit-oci/davit/internal/kinds"
)

// labels lists, by file, words that are also names of kinds but have another meaning in the file.
var labels = map[string][]string{
	"internal/cli/look/inspect.go":    {"attestation"}, // the branch of a tree
	"internal/cli/look/outline.go":    {"signature"},   // the first column of a table
	"internal/cli/look/sbom.go":       {"signature"},   // the first column of a table
	"internal/cli/results/results.go": {"attestation"}, // the first column of a table
	"internal/serve/manifests.go":     {"manifests"},   // a part of URLs
}

// TestNoKindByName checks that pulls, the commands, and the servers treat kinds by their data: they neither name a kind nor import
// its package.
func TestNoKindByName(t *testing.T) {
	t.Parallel()
	var names, packages []string
	for _, k := range kinds.All() {
		names = append(names, k.Name)
	}
	for _, s := range sources(t) {
		if s.dir() != "internal/kinds/kind" && s.dir() != "internal/kinds/kindtest" && below(s.dir(), "internal/kinds") && s.dir() != "internal/kinds" {
			packages = append(packages, module+"/"+s.dir())
		}
	}
	if len(names) < 10 || len(packages) < 10 {
		t.Fatalf("%d kinds, %d packages", len(names), len(packages))
	}
	for _, s := range sources(t) {
		if !below(s.dir(), "pull", "internal/fetch", "internal/cli", "internal/serve") {
			continue
		}
		for _, spec := range s.file.Imports {
			if imported, _ := strconv.Unquote(spec.Path.Value); slices.Contains(packages, imported) {
				t.Errorf("%s imports %s", s.name, imported)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, _ := strconv.Unquote(lit.Value)
			if slices.Contains(names, text) && !slices.Contains(labels[s.name], text) {
				t.Errorf("%s names the kind %q", s.name, text)
			}
			return true
		})
	}
}
