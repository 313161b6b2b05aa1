package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/davit-oci/davit/internal/durable"
)

// TestReplaceFile checks the content and mode of new and of existing files, and that no other file is left.
func TestReplaceFile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ before, keep, want fs.FileMode }{
		"new":                   {0, 0o777, 0o600},
		"existing":              {0o640, 0o777, 0o640},
		"existing, mode masked": {0o666, 0o660, 0o660},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "file")
			if tt.before != 0 {
				if err := os.WriteFile(file, []byte("before, longer"), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(file, tt.before); err != nil {
					t.Fatal(err)
				}
			}
			if err := durable.ReplaceFile(file, []byte("after"), 0o600, tt.keep); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(file)
			if err != nil || string(data) != "after" {
				t.Errorf("got %q, %v, want the new content", data, err)
			}
			if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != tt.want {
				t.Errorf("got the mode %v, %v, want %v", info.Mode(), err, tt.want)
			}
			if left, _ := os.ReadDir(dir); len(left) != 1 {
				t.Errorf("got the files %v, want one", left)
			}
		})
	}
	if err := durable.ReplaceFile(filepath.Join(t.TempDir(), "missing", "file"), nil, 0o600, 0o777); err == nil {
		t.Error("missing directory: got no error, want one")
	}
}

// TestReplaceFileNamesTheFile checks that an error names the file, not the temporary file.
func TestReplaceFileNamesTheFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "missing", "file")
	err := durable.ReplaceFile(file, nil, 0o600, 0o777)
	var failed *fs.PathError
	if !errors.As(err, &failed) || failed.Path != file || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an error that names %s", err, file)
	}
}
