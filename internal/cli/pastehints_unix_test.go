//go:build unix

package cli

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/shell"
)

// TestHintsCanBePasted checks that the commands in hints are quoted for a shell.
func TestHintsCanBePasted(t *testing.T) {
	for _, name := range []string{"plain", "sp dir", "it's", `a"b`, "$HOME", "a;b&c", "(x)", "#x", "a`b`", "naïve"} {
		parent := t.TempDir()
		t.Chdir(parent)
		dir := filepath.Join(parent, name)
		at := func(file string) string { return filepath.Join(dir, file) }
		if err := os.MkdirAll(at("files"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"note.txt", "files/a.txt"} {
			if err := os.WriteFile(at(file), []byte("text"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		run := func(args ...string) (stderr string, code int) {
			var out, errs bytes.Buffer
			code = Run(t.Context(), args, strings.NewReader(""), &out, &errs)
			return errs.String(), code
		}
		layout, file := at("oci")+":1", at("note.txt")
		for _, args := range [][]string{{"push", file, layout}, {"copy", layout, at("a.tar") + ":1"}} {
			if errs, code := run(args...); code != 0 {
				t.Fatalf("%q: %s", args, errs)
			}
		}
		for _, c := range []struct{ args, want []string }{
			{[]string{"push", "localhost:1/x:1", name + "/note.txt"}, []string{"davit", "push", name + "/note.txt", "localhost:1/x:1"}},
			{[]string{"push", file}, []string{"davit", "push", file}},
			{[]string{"push", at("new") + ":1"}, []string{"davit", "push", ".", at("new") + ":1"}},
			{[]string{"attach", layout, file}, []string{"davit", "attach", file, layout}},
			{[]string{"inspect", at("files")}, []string{"davit", "check", at("files")}},
			{[]string{"sign", layout}, []string{"davit", "sign", layout}},
			{[]string{"detach", layout, "--all"}, []string{"davit", "discover", layout}},
			{[]string{"detach", layout, "x"}, []string{"davit", "discover", layout}},
			{[]string{"pull", layout, name + "?"}, []string{"davit", "pull", layout, "--include", name + "?"}},
			{[]string{"pull", layout, name + "x"}, []string{"davit", "pull", layout, "-o", name + "x"}},
			{[]string{"delete", at("oci")}, []string{"davit", "tags", at("oci")}},
			{[]string{"copy", "localhost:1", at("oci")}, []string{"davit", "copy", "--all-repos", "localhost:1", at("oci")}},
			{[]string{"copy", "--from-file", at("list"), "a", "b"}, []string{"davit", "copy", "--from-file", at("list"), "DST"}},
			{[]string{"serve", at("no")}, []string{"davit", "serve", at("no"), "--write"}},
			{[]string{"serve", layout}, []string{"davit", "serve", at("oci")}},
			{[]string{"serve", at("a.tar"), "--write"}, []string{"davit", "copy", at("a.tar"), at("a"), "--all-tags"}},
			{[]string{"verify", at("files")}, []string{"davit", "verify", "TARGET", "--dir", at("files")}},
			{[]string{"lock", "check", "--lock", at("lock")}, []string{"davit", "lock", "update", "--lock", at("lock")}},
			{[]string{"tag", layout, at("oci") + ":new"}, []string{"davit", "tag", layout, "new"}},
			{[]string{"tag", layout, "b", at("oci") + ":c"}, []string{"davit", "tag", layout, "b", "c"}},
			{[]string{"tag", layout, at("other") + ":new"}, []string{"davit", "copy", layout, at("other") + ":new"}},
			{[]string{"prune", layout}, []string{"davit", "prune", at("oci")}},
		} {
			errs, code := run(c.args...)
			if want := shell.Command(c.want...); code == 0 || !strings.Contains(errs, want) {
				t.Errorf("%q: got exit code %d and %s, want an error with %s", c.args, code, errs, want)
			}
		}
	}
}

// TestHintsAreBuilt checks that the code builds commands with shell.Command, which quotes the arguments, and not from strings.
func TestHintsAreBuilt(t *testing.T) {
	t.Parallel()
	formatted := regexp.MustCompile(`\b(davit|cosign|docker) [a-z]+ ([^"]*\s)?%(\[\d\])?[qsv]`)
	before := regexp.MustCompile(`\bdavit [a-z]+ (-?[^";:]* )?$`)
	err := filepath.WalkDir(".", func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if formatted.MatchString(n.Value) {
					t.Errorf("%s: %s: build the command with shell.Command", set.Position(n.Pos()), n.Value)
				}
			case *ast.BinaryExpr:
				text, ok := n.X.(*ast.BasicLit)
				if ok && n.Op == token.ADD && before.MatchString(strings.Trim(text.Value, "`\"")) {
					t.Errorf("%s: %s: build the command with shell.Command", set.Position(n.Pos()), text.Value)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
