//go:build clients

package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// oddTrees has the files of a small directory for each kind.
var oddTrees = map[string]map[string]string{
	"generic": {"a.bin": "x"},
	"volume":  {"a": "x"},
	"image":   {"bin/a": "x"},
	"docs":    {"index.md": "# A\n", "b.md": "# B\n"},
	"model":   {"model.onnx": "x", "config.json": "{}"}, "modelkit": {"model.onnx": "x", "config.json": "{}"},
	"flux":     {"kustomization.yaml": "resources: []\n"},
	"helm":     {"Chart.yaml": "apiVersion: v2\nname: odd\nversion: 1.0.0\n"},
	"template": {"devcontainer-template.json": `{"id":"odd","version":"1.0.0","name":"odd"}`, ".devcontainer/devcontainer.json": `{"image":"x"}`},
	"skill":    {"SKILL.md": "---\nname: odd\ndescription: odd\n---\n# Odd\n"},
	"compose":  {"compose.yaml": "services: {a: {image: nginx}}\n"},
}

// oddNames returns unusual file names, some of them in directories.
func oddNames() []string {
	return []string{
		"caf\xe9.md", "\xff", "Icon\r", "a\x1b[31m.md", "new\nline.md", "tab\t.md", "\x01", "trail.", "space ", " lead", "-dash.md", "--kind", "con.txt", "aux", "sub/nul.md", "COM1",
		strings.Repeat("n", 255), strings.Repeat("long/", 60) + "x.md", "a:b", "C:x.md", "back\\slash.md", "~tilde", "#hash.md", "a%20b.md", "%", "\u00e9.md", "e\u0301.md",
		"*star*.md", "[x].md", "{a,b}.md", "!not.md", "..dots", "...", "sub/..x/y.md", "quote\"'.md", "$HOME.md", "a|b>c.md", "\u202egnp.md", "\u200b",
	}
}

// oddSpecials are functions that create files that are not regular.
var oddSpecials = map[string]func(t *testing.T, name string) error{
	"socket": func(t *testing.T, name string) error {
		listener, err := net.Listen("unix", name)
		if err == nil {
			t.Cleanup(func() { listener.Close() })
		}
		return err
	},
	"pipe": func(_ *testing.T, name string) error { return unix.Mkfifo(name, 0o600) },
	"device": func(_ *testing.T, name string) error {
		return unix.Mknod(name, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3)))
	},
	"dangling": func(_ *testing.T, name string) error { return os.Symlink("nowhere", name) },
	"outward":  func(_ *testing.T, name string) error { return os.Symlink("/etc/hostname", name) },
	"loop":     func(_ *testing.T, name string) error { return os.Symlink(path.Base(name), name) },
}

// TestOddFiles adds a file with an unusual name or type to a directory of each kind. If check accepts the directory, push does, too,
// and the file is either pulled unchanged or listed as left out. If check refuses it, push fails with the same exit code. No output
// has control characters.
func TestOddFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Chdir(dir)
	for n, kind := range slices.Sorted(maps.Keys(oddTrees)) {
		tree := oddTrees[kind]
		t.Run(kind, func(t *testing.T) {
			for i, name := range oddNames() {
				if every := kind == "generic" || kind == "model" || kind == "volume"; !every && (i+n)%3 > 0 { // a third, to save time
					continue
				}
				o := newOddFile(t, kind, tree, fmt.Sprintf("n%d", i))
				content := "content of " + name
				if os.MkdirAll(o.at(path.Dir(name)), 0o755) != nil || os.WriteFile(o.at(name), []byte(content), 0o644) != nil {
					t.Fatalf("%q can't be created", name)
				}
				o.check(t, name, func(at string) bool {
					data, err := os.ReadFile(at)
					return err == nil && string(data) == content
				})
			}
			for what, make := range oddSpecials {
				o := newOddFile(t, kind, tree, what)
				if err := make(t, o.at(what)); err != nil {
					t.Logf("%s can't be created: %v", what, err)
					continue
				}
				o.check(t, what, func(at string) bool {
					_, err := os.Lstat(at)
					return err == nil
				})
			}
		})
	}
}

// oddFile is a directory of a kind with an odd file in it.
type oddFile struct{ kind, dir string }

// newOddFile creates the directory, without the odd file.
func newOddFile(t *testing.T, kind string, tree map[string]string, name string) oddFile {
	t.Helper()
	o := oddFile{kind, filepath.Join(kind, name, "odd")}
	for file, content := range tree {
		if err := os.MkdirAll(o.at(path.Dir(file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(o.at(file), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func (o oddFile) at(name string) string { return o.dir + "/" + name }

// run runs davit and returns its exit code and output.
func (o oddFile) run(t *testing.T, name string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = Run(t.Context(), args, strings.NewReader(""), &out, &err)
	for _, text := range []string{out.String(), err.String()} {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
			t.Errorf("%q: davit %s prints %q", name, args[0], text)
		}
	}
	return code, out.String(), err.String()
}

// check compares the results of check, push, and pull. same reports whether a pulled file equals the odd one.
func (o oddFile) check(t *testing.T, name string, same func(at string) bool) {
	t.Helper()
	ref := "./" + filepath.Join(o.kind, filepath.Base(filepath.Dir(o.dir)), "oci") + ":1.0.0"
	checked, stdout, checkErr := o.run(t, name, "check", "--kind", o.kind, o.dir, "--format", "json")
	pushed, _, pushErr := o.run(t, name, "push", "--kind", o.kind, o.dir, ref)
	switch {
	case checked != pushed:
		t.Errorf("%q: got exit code %d from check and %d from push, want the same\n%s%s", name, checked, pushed, checkErr, pushErr)
		return
	case pushed == 2:
		return
	case pushed != 0:
		t.Errorf("%q: got exit code %d from push, want 0 or 2\n%s", name, pushed, pushErr)
		return
	}
	out := filepath.Join(filepath.Dir(o.dir), "out")
	pulled, _, _ := o.run(t, name, "pull", ref, "-o", out, "--durable=false", "--preserve")
	pullErr := ""
	if pulled != 0 { // the kind has no metadata to preserve
		pulled, _, pullErr = o.run(t, name, "pull", ref, "-o", out, "--durable=false")
	}
	if pulled != 0 {
		t.Errorf("%q was pushed, but pull has exit code %d\n%s", name, pulled, pullErr)
		return
	}
	found := false
	_ = filepath.WalkDir(out, func(at string, d fs.DirEntry, err error) error {
		found = found || err == nil && d.Name() == path.Base(name) && same(at)
		if strings.HasSuffix(at, ".tgz") { // a pull leaves a chart packed
			found = found || slices.ContainsFunc(namesIn(t, at), func(packed string) bool { return path.Base(packed) == path.Base(name) })
		}
		return nil
	})
	if !found && !strings.Contains(stdout, "leftOut") && !strings.Contains(pushErr, "left out") {
		t.Errorf("%q was pushed, but is neither pulled nor listed as left out\n%s%s", name, stdout, pushErr)
	}
}

// namesIn lists the names in a compressed tar.
func namesIn(t *testing.T, file string) (names []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return names
		}
		names = append(names, h.Name)
	}
}
