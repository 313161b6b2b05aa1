package pull_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/pull"
	"golang.org/x/sys/unix"
)

// TestRepeatedVolumePull checks that the second pull of a volume with hard links is skipped, and that Force restores changed extended
// attributes.
func TestRepeatedVolumePull(t *testing.T) {
	t.Parallel()
	dir, out, store := t.TempDir(), filepath.Join(t.TempDir(), "out"), newStore()
	write(t, dir, "vol/d/f", "content")
	at := func(name string) string { return filepath.Join(dir, "vol", name) }
	err := errors.Join(unix.Setxattr(at("d/f"), "user.note", []byte("one"), 0), unix.Setxattr(at("d"), "user.note", []byte("dir"), 0))
	if errors.Is(err, unix.ENOTSUP) {
		clients.Missing(t, "no extended attributes here")
	}
	if err := errors.Join(err, os.Link(at("d/f"), at("h")), os.Symlink("d/f", at("l"))); err != nil {
		t.Fatal(err)
	}
	push(t, dir, volumePlan(), store)
	root := openRoot(t, out)
	for _, skipped := range []bool{false, true} {
		r, err := pull.Artifact(t.Context(), store, "v1", root, pull.Options{NoSync: true, State: out + ".state"})
		if err != nil || r.Skipped != skipped {
			t.Errorf("got skipped %t, %v, want %t", r.Skipped, err, skipped)
		}
	}
	info, err := root.Stat("d/f")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		unix.Setxattr(filepath.Join(out, "d/f"), "user.note", []byte("two"), 0), unix.Removexattr(filepath.Join(out, "d"), "user.note"),
		root.Chtimes("d/f", time.Time{}, info.ModTime()),
	); err != nil {
		t.Fatal(err)
	}
	if _, err := pull.Artifact(t.Context(), store, "v1", root, pull.Options{NoSync: true, Force: true}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"d/f": "one", "h": "one", "d": "dir"} {
		value := make([]byte, 10)
		n, err := unix.Getxattr(filepath.Join(out, name), "user.note", value)
		if err != nil || string(value[:n]) != want {
			t.Errorf("%s: got %q, %v, want %q", name, value[:max(n, 0)], err, want)
		}
	}
	a, errA := root.Stat("d/f")
	b, errB := root.Stat("h")
	if errA != nil || errB != nil || !os.SameFile(a, b) {
		t.Errorf("d/f and h are not hard links of the same file (%v, %v)", errA, errB)
	}
}

// TestLockedDirectories checks that directories without write permission are created, changed, and emptied like others, and that no
// stage is left behind.
func TestLockedDirectories(t *testing.T) {
	t.Parallel()
	dir, out, store := t.TempDir(), filepath.Join(t.TempDir(), "out"), newStore()
	vol := filepath.Join(dir, "vol")
	chmod := func(top string, locked, deep fs.FileMode) {
		for _, d := range []struct {
			name string
			mode fs.FileMode
		}{{"locked", 0o755}, {"locked/deep", deep}, {"locked", locked}} {
			if err := os.Chmod(filepath.Join(top, d.name), d.mode); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(func() { // removing them requires write permission
		chmod(vol, 0o755, 0o755)
		chmod(out, 0o755, 0o755)
	})
	withoutOverride(t)
	root := openRoot(t, out)
	for i, files := range []map[string]string{ // the last leaves a directory empty
		{"locked/in": "one", "locked/deep/f": "one", "free": "one"},
		{"locked/in": "two", "locked/deep/f": "two"},
		{"locked/new": "three"},
	} {
		for name, content := range files {
			write(t, vol, name, content)
		}
		if i == 2 {
			if err := errors.Join(os.Remove(filepath.Join(vol, "locked/in")), os.Remove(filepath.Join(vol, "locked/deep/f"))); err != nil {
				t.Fatal(err)
			}
		}
		chmod(vol, 0o555, 0o500)
		push(t, dir, volumePlan(), store)
		if _, err := pull.Artifact(t.Context(), store, "v1", root, pull.Options{NoSync: true, State: out + ".state", Delete: true}); err != nil {
			t.Fatalf("pull %d: %v", i, err)
		}
		if got, want := listTree(t, out, true), listTree(t, vol, true); got != want {
			t.Errorf("pull %d: got\n%s\nwant\n%s", i, got, want)
		}
		chmod(vol, 0o755, 0o755)
	}
}

// withoutOverride makes file modes apply to the test's goroutine, even for root.
func withoutOverride(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // the thread ends with the test
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
	caps[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
	if err := unix.Capset(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
}
