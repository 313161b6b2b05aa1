package artifact

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree writes files below a new directory: names that end in "/" are directories, contents that begin with "->" are
// links.
func tree(t *testing.T, files map[string]string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		target, link := strings.CutPrefix(content, "->")
		var err error
		switch {
		case link:
			err = os.Symlink(target, full)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(full, 0o755)
		default:
			err = os.WriteFile(full, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// compose parses and composes a davit.yaml over files. The error is Compose's, which includes Parse's.
func compose(t *testing.T, files map[string]string, davitYAML string) (*Plan, error) {
	t.Helper()
	spec, err := Parse("davit.yaml", []byte(davitYAML))
	if spec == nil {
		return nil, err
	}
	return Compose(tree(t, files).FS(), spec)
}

// wantLines compares text line by line, for problems of many lines.
func wantLines(t *testing.T, got, want string) {
	t.Helper()
	want = strings.TrimSpace(strings.ReplaceAll(want, "\n\t", "\n"))
	if got = strings.TrimSpace(got); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestComposeReportsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := compose(t, map[string]string{"a.txt": "x", "data/sub/b": "x", "out": "->/etc/passwd"}, `kind: generic
name: x
version: 1.0
lyers: [a]
tags: [a+b, ok]
layers:
  - a.txt
  - path: data/
    titel: x
  - missing.txt
  - out
  - ../x
  - /etc/passwd
  - '*.zzz'
  - {path: a.txt, title: ../up}
  - {path: a.txt, title: a.txt}
subject: 3
config: [1]
`)
	wantLines(t, err.Error(), `
	davit.yaml:3:10: "version": must be a string, not a number (put it in quotes)
	davit.yaml:4:1: unknown key "lyers" (did you mean "layers"?)
	davit.yaml:5:8: "tags": "a+b" is not a tag (letters, digits, dots, dashes and underscores, at most 128; a + is written as _)
	davit.yaml:9:5: unknown key "titel" (did you mean "title"?)
	davit.yaml:10:5: "missing.txt" does not exist
	davit.yaml:11:5: "out" leaves the directory through the link "out" -> "/etc/passwd"
	davit.yaml:12:5: path "../x" leaves the directory of the declaration (move the file below it, or the declaration above)
	davit.yaml:13:5: path "/etc/passwd" is absolute (paths are relative to the declaration)
	davit.yaml:14:5: "*.zzz" matches no files
	davit.yaml:15:26: title "../up" leaves the destination
	davit.yaml:16:5: layers "a.txt" and "a.txt" have one title, "a.txt"
	davit.yaml:17:10: "subject": must be a string, not a number (put it in quotes)
	davit.yaml:18:9: "config": must be a mapping, not a list`)
}
