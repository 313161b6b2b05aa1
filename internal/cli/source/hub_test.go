package source_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/internal/cli/source"
)

// TestSnapshot reads a snapshot in the Hugging Face cache. Relative links to blobs of its repository are read as files. Other links
// stay links.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	repo := filepath.Join(top, "models--org--name")
	dir := filepath.Join(repo, "snapshots", "abc")
	for _, d := range []string{filepath.Join(repo, "blobs"), filepath.Join(dir, "sub")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"blobs/aa": "weights", "secret": "s", "../secret": "s"} {
		if err := os.WriteFile(filepath.Join(repo, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"m.safetensors": "../../blobs/aa", "sub/n.safetensors": "../../../blobs/aa", "up": "../../secret", "far": "../../../secret", "gone": "../../blobs/bb",
		"dir": "../../blobs", "abs": filepath.Join(repo, "blobs", "aa"),
	} {
		if err := os.Symlink(target, filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
	}
	s, err := source.OpenDir("abc", dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"m.safetensors", "sub/n.safetensors"} {
		info, err := fs.Lstat(s.FS, name)
		data, readErr := fs.ReadFile(s.FS, name)
		if err != nil || readErr != nil || !info.Mode().IsRegular() || info.Name() != filepath.Base(name) || string(data) != "weights" {
			t.Errorf("%s: got %v, %v, and the content %q, %v, want a file with the weights", name, info, err, data, readErr)
		}
	}
	for _, name := range []string{"up", "far", "gone", "dir", "abs"} {
		if data, err := fs.ReadFile(s.FS, name); err == nil {
			t.Errorf("%s was read: %q", name, data)
		}
		if info, err := fs.Lstat(s.FS, name); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s: %v, %v, want a link", name, info, err)
		}
	}
	entries, err := fs.ReadDir(s.FS, "sub")
	if err != nil || len(entries) != 1 || !entries[0].Type().IsRegular() || entries[0].Name() != "n.safetensors" {
		t.Errorf("sub: got the entries %v, %v, want the file n.safetensors", entries, err)
	}
}
