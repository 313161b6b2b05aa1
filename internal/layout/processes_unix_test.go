//go:build unix

package layout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// childFullDisk stores a blob that exceeds the file size limit of the process, which fails like a full disk. It prints the path in
// the error.
func childFullDisk(ctx context.Context, path string, _ []string) error {
	limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	target, err := openPlace(path)
	if err != nil {
		return err
	}
	_, err = store(ctx, target, bytes.Repeat([]byte("much"), 1<<20), nil)
	err = target.Close(context.Background(), err)
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
					storeArtifacts(t, path)
				}
				tags := []string{}
				if before == "old" {
					tags, _ = checkIntact(t, path)
				}
				var stderr bytes.Buffer
				cmd := childCommand(t, "full disk", path)
				cmd.Stderr = &stderr
				named, err := cmd.Output()
				if err != nil || !strings.HasPrefix(string(named), dir) {
					t.Errorf("%s: got an error with the path %q, %v, want one in %s: %s", before, named, err, dir, stderr.String())
				}
				if before == "new" {
					if left, _ := os.ReadDir(dir); len(left) > 0 {
						t.Errorf("left behind: %v", left)
					}
					continue
				}
				if after, _ := checkIntact(t, path); len(after) != len(tags) {
					t.Errorf("got the tags %q, want %q", after, tags)
				}
				checkNoTempFiles(t, path)
			}
		})
	}
}

// storeArtifacts stores some artifacts in a layout or archive.
func storeArtifacts(t *testing.T, path string) {
	t.Helper()
	if err := childArtifacts(t.Context(), path, []string{"some", "locks"}); err != nil {
		t.Fatal(err)
	}
}

// childDenied stores an artifact without permission, and prints the error.
func childDenied(ctx context.Context, path string, _ []string) error {
	target, err := openPlace(path)
	if err == nil {
		_, err = store(ctx, target, []byte("new"), nil)
		err = target.Close(context.Background(), err)
	}
	var pathErr *fs.PathError
	if !errors.As(err, &pathErr) && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("no error about permissions: %w", err)
	}
	fmt.Println(err)
	return nil
}

// TestPermissions checks that an error about permissions names the file. Permissions do not restrict root, so if root runs the
// test, another user runs the child process.
func TestPermissions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		deny  string // the file or directory without permissions
		read  bool   // also deny reading
		named string
	}{
		"directory":  {"oci", false, "oci"},
		"blobs":      {"oci/blobs/sha256", false, "oci/blobs/sha256"},
		"index.json": {"oci/index.json", true, "oci/index.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			storeArtifacts(t, filepath.Join(dir, "oci"))
			mode := fs.FileMode(0o500)
			if test.read {
				mode = 0
			}
			denied := filepath.Join(dir, test.deny)
			if err := os.Chmod(denied, mode); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(denied, 0o700) })
			cmd := childCommand(t, "denied", filepath.Join(dir, "oci"))
			if os.Geteuid() == 0 {
				setOtherUser(t, cmd, dir)
			}
			output, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			if !strings.Contains(string(output), filepath.Join(dir, test.named)) {
				t.Errorf("got %q, want it to name %s", output, test.named)
			}
		})
	}
}

// unprivilegedUser is the ID of a user without permissions.
const unprivilegedUser = 65534

// setOtherUser makes another user run the command. It copies the program into the temporary directory dir, and makes the user the
// owner of the directory.
func setOtherUser(t *testing.T, cmd *exec.Cmd, dir string) {
	t.Helper()
	program := filepath.Join(dir, "program")
	data, err := os.ReadFile(cmd.Path)
	if err == nil {
		err = os.WriteFile(program, data, 0o700)
	}
	if err == nil {
		err = filepath.WalkDir(filepath.Dir(dir), func(name string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(name, unprivilegedUser, unprivilegedUser))
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Dir = program, dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: unprivilegedUser, Gid: unprivilegedUser}}
}
