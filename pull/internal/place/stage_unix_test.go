//go:build unix

package place_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/pull/internal/place"
	"github.com/opencontainers/go-digest"
)

// TestRemovedDirectory checks the error for a directory that was removed after it was opened. That can happen to the working
// directory.
func TestRemovedDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := place.OpenStage(root, digest.FromString("x"), nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "removed") {
		t.Errorf("got %v, want fs.ErrNotExist and \"removed\"", err)
	}
}
