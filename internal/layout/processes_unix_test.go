//go:build unix

package layout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// childTooMuch stores more than the process may write into a file: to programs, that is as a full disk.
func childTooMuch(ctx context.Context, path string, _ []string) error {
	limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	target, err := openPlace(path, true)
	if err != nil {
		return err
	}
	_, err = store(ctx, target, bytes.Repeat([]byte("much"), 1<<20), nil)
	err = errors.Join(err, target.Close())
	var pathErr *fs.PathError
	if !errors.As(err, &pathErr) {
		return fmt.Errorf("no error that names a file: %w", err)
	}
	fmt.Println(pathErr.Path)
	return nil
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"oci", "oci.tar"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, place)
			for _, before := range []string{"new", "old"} {
				if before == "old" {
					artifacts(t, path)
				}
				tags := []string{}
				if before == "old" {
					tags, _ = sound(t, path)
				}
				var problem bytes.Buffer
				cmd := child(t, "too much", path)
				cmd.Stderr = &problem
				named, err := cmd.Output()
				if err != nil || !strings.HasPrefix(string(named), dir) {
					t.Errorf("%s: named %q, %v: %s", before, named, err, problem.String())
				}
				if before == "new" {
					if left, _ := os.ReadDir(dir); len(left) > 0 {
						t.Errorf("left behind: %v", left)
					}
					continue
				}
				if after, _ := sound(t, path); len(after) != len(tags) {
					t.Errorf("tags %q, want %q", after, tags)
				}
				noLitter(t, path)
			}
		})
	}
}

// artifacts puts some into a place.
func artifacts(t *testing.T, path string) {
	t.Helper()
	if err := childArtifacts(t.Context(), path, []string{"some", "locks"}); err != nil {
		t.Fatal(err)
	}
}

// TestPermissions has files that may not be written, or read. It needs a user who may not do everything.
func TestPermissions(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may do everything")
	}
	for name, test := range map[string]struct {
		deny  string // made inaccessible
		read  bool
		named string
	}{
		"directory":  {"oci", false, "oci"},
		"blobs":      {"oci/blobs/sha256", false, "oci/blobs/sha256"},
		"index.json": {"oci/index.json", true, "oci/index.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			artifacts(t, filepath.Join(dir, "oci"))
			mode := fs.FileMode(0o500)
			if test.read {
				mode = 0
			}
			denied := filepath.Join(dir, test.deny)
			if err := os.Chmod(denied, mode); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(denied, 0o700) })
			target, err := openPlace(filepath.Join(dir, "oci"), true)
			if err == nil {
				_, err = store(t.Context(), target, []byte("new"), nil)
				err = errors.Join(err, target.Close())
			}
			var pathErr *fs.PathError
			if !errors.As(err, &pathErr) && !errors.Is(err, fs.ErrPermission) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), filepath.Join(dir, test.named)) {
				t.Errorf("%v does not name %s", err, test.named)
			}
		})
	}
}
