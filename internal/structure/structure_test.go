package structure_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "renew testdata/offenders.txt, unless a rule is broken more than before")

const (
	root      = "../.."
	module    = "github.com/davit-oci/davit"
	offenders = "testdata/offenders.txt"

	// maxPackage, in lines, keeps packages small enough to be read before they are changed.
	maxPackage = 1500
	maxFile    = 400
	maxFields  = 14
	maxParams  = 4 // after a context
)

// exception begins the sentence of a package comment that justifies a package larger than maxPackage.
const exception = "It is one package of more than 1,500 lines because"

// A source is one file of the module that is not a test.
type source struct {
	name  string // from the root of the module, with slashes
	lines int
	file  *ast.File
}

// dir returns the directory of the file.
func (s source) dir() string { return path.Dir(s.name) }

// sources parses the Go files of the module, for every platform.
func sources(t *testing.T) []source {
	t.Helper()
	var list []source
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if name != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, data, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		list = append(list, source{filepath.ToSlash(rel), bytes.Count(data, []byte("\n")), f})
		return err
	})
	if err != nil || len(list) < 100 {
		t.Fatalf("%d source files, %v", len(list), err)
	}
	return list
}

// TestRules checks that code is within limits of size, has no init functions, and reads the environment only where allowed. Code that
// broke a rule when the rule was written is listed in testdata/offenders.txt. The list can only shrink: -update renews the file, but
// the total excess over a rule must not grow.
func TestRules(t *testing.T) {
	t.Parallel()
	found := map[string]int{} // excess by "RULE NAME"
	list := sources(t)
	for name, lines := range packages(list) {
		measure(found, "package "+name, lines, maxPackage)
	}
	for _, s := range list {
		measure(found, "file "+s.name, s.lines, maxFile)
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if st, ok := n.Type.(*ast.StructType); ok {
					measure(found, "struct "+s.dir()+"."+n.Name.Name, fieldCount(st.Fields, false), maxFields)
				}
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					found["init "+s.name]++
				}
				measure(found, "parameters "+s.dir()+"."+funcName(n), fieldCount(n.Type.Params, true), maxParams)
				if reads := environmentReads(n); reads > 0 && !mayReadEnvironment(s, n) {
					found["environment "+s.name] += reads
				}
			}
			return true
		})
	}
	listed := readOffenders(t)
	if *update {
		renew(t, found, listed)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(found)) {
		if excess, old := found[key], listed[key]; excess > old {
			t.Errorf("%s: %d over the limit, want at most %d", key, excess, old)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(listed)) {
		if found[key] == 0 {
			t.Errorf("%s: is within the limits, but still listed in %s", key, offenders)
		}
	}
	if t.Failed() {
		t.Logf("Packages have at most %d lines, files %d, structs %d fields, functions %d parameters after a context; the environment is read in "+
			"internal/cli and artifact/registry.FromEnvironment; there are no init functions. After a move: go test ./internal/structure -update",
			maxPackage, maxFile, maxFields, maxParams)
	}
}

// measure records the excess of n over a limit.
func measure(found map[string]int, key string, n, limit int) {
	if n > limit {
		found[key] = n - limit
	}
}

// packages returns the number of lines of each package, except those with the exception in their comments.
func packages(list []source) map[string]int {
	lines := map[string]int{}
	for _, s := range list {
		lines[s.dir()] += s.lines
	}
	for _, s := range list {
		if s.file.Doc != nil && strings.Contains(strings.Join(strings.Fields(s.file.Doc.Text()), " "), exception) {
			delete(lines, s.dir())
		}
	}
	return lines
}

// fieldCount counts fields or parameters. If afterContext is set, it does not count a leading context.
func fieldCount(list *ast.FieldList, afterContext bool) int {
	n := 0
	for i, f := range list.List {
		if sel, ok := f.Type.(*ast.SelectorExpr); afterContext && i == 0 && ok && sel.Sel.Name == "Context" {
			continue
		}
		n += max(1, len(f.Names))
	}
	return n
}

func funcName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	recv := f.Recv.List[0].Type
	for {
		switch r := recv.(type) {
		case *ast.StarExpr:
			recv = r.X
			continue
		case *ast.IndexExpr:
			recv = r.X
			continue
		case *ast.Ident:
			return r.Name + "." + f.Name.Name
		}
		return f.Name.Name
	}
}

// environmentReads counts the calls in a function that depend on environment variables.
func environmentReads(f *ast.FuncDecl) int {
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		sel, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "os" {
			switch sel.Sel.Name {
			case "Getenv", "LookupEnv", "Environ", "ExpandEnv", "UserHomeDir", "UserCacheDir", "UserConfigDir":
				n++
			}
		}
		return true
	})
	return n
}

// mayReadEnvironment reports whether a function may read the environment: in commands, in tests, or to create registry options.
func mayReadEnvironment(s source, f *ast.FuncDecl) bool {
	return s.dir() == "internal/cli" || strings.HasPrefix(s.dir(), "internal/cli/") || s.dir() == "internal/clients" ||
		s.dir() == "artifact/registry" && f.Name.Name == "FromEnvironment"
}

// readOffenders reads the list, whose lines are "EXCESS RULE NAME".
func readOffenders(t *testing.T) map[string]int {
	t.Helper()
	data, err := os.ReadFile(offenders)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]int{}
	for line := range strings.Lines(string(data)) {
		excess, key, ok := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(excess)
		if !ok || err != nil {
			t.Fatalf("%s: %q", offenders, line)
		}
		listed[key] = n
	}
	return listed
}

// renew writes the list, unless a rule is broken more than before.
func renew(t *testing.T, found, listed map[string]int) {
	t.Helper()
	before, after := sums(listed), sums(found)
	for rule, n := range after {
		if n > before[rule] {
			t.Errorf("rule %q: got a total of %d over the limit, want at most %d", rule, n, before[rule])
		}
	}
	if t.Failed() {
		return
	}
	var b strings.Builder
	keys := slices.SortedFunc(maps.Keys(found), func(a, b string) int { return cmp.Compare(a, b) })
	for _, key := range keys {
		fmt.Fprintln(&b, found[key], key)
	}
	if err := os.WriteFile(offenders, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func sums(m map[string]int) map[string]int {
	sum := map[string]int{}
	for key, n := range m {
		rule, _, _ := strings.Cut(key, " ")
		sum[rule] += n
	}
	return sum
}

// directions lists which packages of this module those below a path may import, besides others below the path. The first entry that
// matches a package counts.
var directions = []struct {
	under   string
	imports []string
}{
	{"mediatypes", nil},
	{"internal/lazy", nil},
	{"internal/pause", nil},
	{"internal/untrusted", nil},
	{"internal/durable", nil},
	{"internal/format", []string{"internal/jsonwalk", "internal/lazy", "internal/lists"}}, // parsers, which know nothing of davit
	{"internal/byterange", nil},
	{"internal/fileid", nil},
	{"internal/hashing", nil},
	{"internal/lists", nil},
	{"internal/inflate", nil},
	{"internal/filelock", []string{"internal/pause"}},
	{"internal/fault", nil},
	{"internal/jsonwalk", nil},
	{"internal/textdist", nil},
	{"internal/jsonschema", []string{"internal/jsonwalk", "internal/textdist"}},
	{"artifact/spec", []string{"mediatypes", "internal/fault", "internal/lists"}},
	{"artifact/registry", []string{"artifact", "mediatypes", "internal"}},
	{"artifact", []string{"mediatypes", "internal"}},
	{"internal/kinds/kindtest", []string{"artifact", "mediatypes", "internal"}}, // for tests
	{"internal/kinds", []string{"artifact/spec", "mediatypes", "internal"}},
	{"pack", []string{"artifact", "mediatypes", "internal"}},
	{"pull", []string{"artifact", "mediatypes", "internal"}},
	{"cmd/davit", []string{"internal/cli"}},
}

// TestDirections checks that imports point one way: from cmd to internal/cli, to pack, pull, and artifact/registry, to artifact, to
// mediatypes and to packages that do not depend on davit. Only programs import internal/cli.
func TestDirections(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, spec := range s.file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			own, ok := strings.CutPrefix(imported, module+"/")
			if !ok {
				continue
			}
			if below(own, "internal/cli") && !below(s.dir(), "cmd", "internal/cli", "internal/man", "internal/recording") {
				t.Errorf("%s imports %s", s.name, own)
			}
			for _, d := range directions {
				if !below(s.dir(), d.under) {
					continue
				}
				if !below(own, append([]string{d.under}, d.imports...)...) {
					t.Errorf("%s imports %s; packages below %s may import %q", s.name, own, d.under, d.imports)
				}
				break
			}
		}
	}
}

// below reports whether a package is at or below one of the paths.
func below(name string, paths ...string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { return name == p || strings.HasPrefix(name, p+"/") })
}

// TestLayoutDocument checks that docs/layout.md names every package of the top two levels and the internal ones below, and no
// directory that does not exist.
func TestLayoutDocument(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(root, "docs", "layout.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, s := range sources(t) {
		parts := strings.Split(s.dir(), "/")
		levels := 2
		if len(parts) > 2 && parts[1] == "internal" {
			levels = 3
		}
		if name := path.Join(parts[:min(levels, len(parts))]...); !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "\n"+name+" ") {
			t.Errorf("docs/layout.md does not mention %s", name)
		}
	}
	for _, name := range regexp.MustCompile("`((?:artifact|internal|mediatypes|pack|pull)(?:/[a-z/]+)?)`").FindAllStringSubmatch(text, -1) {
		if info, err := os.Stat(filepath.Join(root, filepath.FromSlash(name[1]))); err != nil || !info.IsDir() {
			t.Errorf("docs/layout.md mentions %s, but the directory does not exist", name[1])
		}
	}
}
