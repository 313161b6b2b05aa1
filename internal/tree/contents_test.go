package tree_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/tree"
)

// writeTree writes files to a directory. A name that ends in "@" is a link to the path in its content.
func writeTree(t *testing.T, files map[string]string) fs.FS {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path, isLink := strings.CutSuffix(filepath.Join(dir, filepath.FromSlash(name)), "@")
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		write := func() error { return os.WriteFile(path, []byte(content), 0o666) }
		if isLink {
			write = func() error { return os.Symlink(filepath.FromSlash(content), path) }
		}
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root.FS()
}

// filesOf lists the regular files in a file system with their contents, and marks other files.
func filesOf(fsys fs.FS) (string, error) {
	var found []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !d.Type().IsRegular() {
			found = append(found, name+" is not a file")
			return nil
		}
		data, err := fs.ReadFile(fsys, name)
		found = append(found, name+"="+string(data))
		return err
	})
	slices.Sort(found)
	return strings.Join(found, " "), err
}

func TestContents(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		files    map[string]string
		replaced map[string][]byte
		want     string // the files, or a part of the error
	}{
		{"file", map[string]string{"files/a": "1", "t/b@": "../files/a"}, nil, "files/a=1 t/b=1"},
		{"directory", map[string]string{"x/a": "1", "x/y/b": "2", "z@": "x"}, nil, "x/a=1 x/y/b=2 z/a=1 z/y/b=2"},
		{"link to a link", map[string]string{"a": "1", "b@": "a", "c@": "b", "d/e@": "../c"}, nil, "a=1 b=1 c=1 d/e=1"},
		{"replaced link", map[string]string{"c/a": "1", "c/b@": "a"}, map[string][]byte{"c/b": []byte("new")}, "c/a=1 c/b=new"},
		{"replaced file", map[string]string{"a": "1"}, map[string][]byte{"a": []byte("22")}, "a=22"},
		{"link that leaves the directory", map[string]string{"a/b@": "../../x"}, nil, "leaves the directory through the link"},
		{"absolute link", map[string]string{"a@": "/etc/passwd"}, nil, "leaves the directory through the link"},
		{"broken link", map[string]string{"a@": "b"}, nil, "is a broken link"},
		{"link to itself", map[string]string{"a@": "a"}, nil, "leads nowhere"},
		{"link to the parent", map[string]string{"a/b@": ".."}, nil, "is a link to a directory that it is in"},
		{"links to the parents of each other", map[string]string{"a/x@": "../b", "b/y@": "../a"}, nil, "is a link to a directory that it is in"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := filesOf(tree.Contents(writeTree(t, tc.files), tc.replaced))
			if err != nil && strings.Contains(err.Error(), tc.want) || err == nil && got == tc.want {
				return
			}
			t.Errorf("got %s, %v, want %s", got, err, tc.want)
		})
	}
}
