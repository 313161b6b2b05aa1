package cli

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/davit-oci/davit"

// guarded lists packages outside of this module. The graph records who imports them, or a package below them.
var guarded = []string{
	"github.com/bmatcuk/doublestar", "github.com/klauspost/compress", "github.com/spf13", "github.com/yuin/goldmark", "golang.org/x",
	"gopkg.in/yaml.v3", "net/http", "oras.land/oras-go",
}

// testOnly lists packages that the program must not contain.
var testOnly = []string{
	"testing", module + "/internal/bench", module + "/internal/clients", module + "/internal/format/formattest", module + "/internal/interop",
	module + "/internal/kinds/kindtest", module + "/internal/pulltest", module + "/internal/registrytest",
	module + "/internal/registrytest/faults",
}

// listedPackage is a package as "go list -json" prints it.
type listedPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []listedPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		if err := dec.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// TestImports compares the import graph without tests with testdata/imports.txt. Every new line there needs a review;
// "go test ./internal/cli -run TestImports -update" writes it.
func TestImports(t *testing.T) {
	t.Parallel()
	const file = "testdata/imports.txt"
	edges := make(map[string]bool)
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if name == module {
			continue
		}
		for _, imported := range p.Imports {
			if own, ok := strings.CutPrefix(imported, module+"/"); ok {
				edges[name+" "+own] = true
			}
			for _, other := range guarded {
				if imported == other || strings.HasPrefix(imported, other+"/") {
					edges[name+" "+other] = true
				}
			}
		}
	}
	if *update {
		lines := slices.Sorted(maps.Keys(edges))
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]bool)
	for line := range strings.Lines(string(data)) {
		listed[strings.TrimSpace(line)] = true
	}
	for edge := range edges {
		if from, to, _ := strings.Cut(edge, " "); !listed[edge] {
			t.Errorf("%s imports %s, but %s does not list the import", from, to, file)
		}
	}
	for edge := range listed {
		if from, to, _ := strings.Cut(edge, " "); !edges[edge] {
			t.Errorf("%s lists an import of %s by %s, which does not exist", file, to, from)
		}
	}
}

// TestShipped checks that the program contains no package for tests.
func TestShipped(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		if p.ImportPath != module+"/cmd/davit" {
			continue
		}
		for _, dep := range testOnly {
			if slices.Contains(p.Deps, dep) {
				t.Errorf("davit contains package %s", dep)
			}
		}
	}
}
