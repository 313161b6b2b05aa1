package structure_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// publicPackages lists the public packages with functions that can return an error.
var publicPackages = []string{
	"artifact", "artifact/registry", "pack", "pack/prune", "pack/sign", "pull", "pull/diff", "pull/inspect", "pull/read",
	"pull/referrers", "pull/trust",
}

// TestPublicFunctions checks that every exported function that can return an error mentions errors in its comment, and is called in a
// compiled example.
func TestPublicFunctions(t *testing.T) {
	t.Parallel()
	examples := map[string]string{}
	for _, dir := range publicPackages {
		text, err := os.ReadFile(filepath.Join(root, dir, "example_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		examples[dir] = string(text)
	}
	for _, s := range sources(t) {
		if !slices.Contains(publicPackages, s.dir()) {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() || !canFail(f) {
				continue
			}
			name := s.dir() + "." + f.Name.Name
			if doc := f.Doc.Text(); !strings.Contains(doc, "rror") && !strings.Contains(doc, "Err") {
				t.Errorf("%s: the comment mentions no error", name)
			}
			called := regexp.MustCompile(`\b` + s.file.Name.Name + `\.` + f.Name.Name + `\(`)
			if !called.MatchString(examples[s.dir()]) {
				t.Errorf("%s is not called in an example", name)
			}
		}
	}
}

// canFail reports whether the last result of a function is an error.
func canFail(f *ast.FuncDecl) bool {
	if f.Type.Results == nil {
		return false
	}
	last, ok := f.Type.Results.List[len(f.Type.Results.List)-1].Type.(*ast.Ident)
	return ok && last.Name == "error"
}
