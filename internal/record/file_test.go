package record_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/durable"
	"github.com/davit-oci/davit/internal/record"
)

func open(t *testing.T, dir string) *os.Root {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// TestFileBelongsToDirectory checks that a directory keeps its state file when it is moved, and that no two directories share
// one.
func TestFileBelongsToDirectory(t *testing.T) {
	t.Parallel()
	records, dir := filepath.Join(t.TempDir(), "davit", "pulled"), t.TempDir()
	file := func(name string) string {
		path, err := record.File(records, open(t, filepath.Join(dir, name)))
		if err != nil || filepath.Dir(path) != records {
			t.Fatalf("%s: %s, %v", name, path, err)
		}
		return path
	}
	a, b := file("a"), file("b")
	if a == b || file("a/../a/.") != a {
		t.Errorf("got %s for a, %s for a/../a/., and %s for b, want the same file for a only", a, file("a/../a/."), b)
	}
	if err := os.Symlink("a", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if got := file("link"); got != a {
		t.Errorf("through a link: got %s, want %s", got, a)
	}
	if err := os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	if got := file("moved"); got != a {
		t.Errorf("moved: got %s, want %s", got, a)
	}
	if got := file("a"); got == a {
		t.Error("a new directory with the old name has the state file of the moved directory")
	}
	if err := os.RemoveAll(filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	if got := file("b"); got == b && durable.BootID() != "" { // where creation times are known, as on Linux
		t.Error("a directory that was removed and created again has the state file of the removed directory")
	}
}

// TestOnlyPrivateDirectories checks that File rejects a place for state files that is not a directory, or that other users can
// write to.
func TestOnlyPrivateDirectories(t *testing.T) {
	t.Parallel()
	dst := open(t, t.TempDir())
	for name, prepare := range map[string]func(dir string) error{
		"writable by all": func(dir string) error { return os.Mkdir(dir, 0o700) },
		"file":            func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
		"symlink loop":    func(dir string) error { return os.Symlink(dir, dir) },
	} {
		dir := filepath.Join(t.TempDir(), "pulled")
		if err := prepare(dir); err != nil {
			t.Fatal(err)
		}
		if name == "writable by all" {
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if path, err := record.File(dir, dst); err == nil {
			t.Errorf("%s: got %s, want an error", name, path)
		}
	}
}

// TestSweep checks that the state files of removed directories are removed when they are old.
func TestSweep(t *testing.T) {
	t.Parallel()
	records, dir := t.TempDir(), t.TempDir()
	if err := os.Chmod(records, 0o700); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-100 * 24 * time.Hour)
	paths := make(map[string]string)
	for _, name := range []string{"existing", "gone", "gone recently"} {
		root := open(t, filepath.Join(dir, name))
		path, err := record.File(records, root)
		if err != nil {
			t.Fatal(err)
		}
		s := record.ReadState(path)
		if err := s.Put(root.Name(), &record.Record{Origin: "o", Result: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		paths[name] = path
		if name != "gone recently" {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
		if strings.HasPrefix(name, "gone") {
			if err := os.RemoveAll(root.Name()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chtimes(filepath.Join(records, "swept"), old, old); err != nil {
		t.Fatal(err)
	}
	if _, err := record.File(records, open(t, dir)); err != nil {
		t.Fatal(err)
	}
	for name, path := range paths {
		if _, err := os.Stat(path); (err != nil) != (name == "gone") {
			t.Errorf("state file of the directory %q: got %v, want it removed: %v", name, err, name == "gone")
		}
	}
}
