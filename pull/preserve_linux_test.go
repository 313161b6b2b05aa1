package pull_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/davit-oci/davit/pull"
	"golang.org/x/sys/unix"
)

// TestVolumeAgain: a volume with hard links is not fetched again, and metadata that differs is restored.
func TestVolumeAgain(t *testing.T) {
	t.Parallel()
	dir, out, store := t.TempDir(), filepath.Join(t.TempDir(), "out"), newStore()
	write(t, dir, "vol/d/f", "content")
	at := func(name string) string { return filepath.Join(dir, "vol", name) }
	err := errors.Join(unix.Setxattr(at("d/f"), "user.note", []byte("one"), 0), unix.Setxattr(at("d"), "user.note", []byte("dir"), 0))
	if errors.Is(err, unix.ENOTSUP) {
		t.Skip("no extended attributes here")
	}
	if err := errors.Join(err, os.Link(at("d/f"), at("h")), os.Symlink("d/f", at("l"))); err != nil {
		t.Fatal(err)
	}
	push(t, dir, volumePlan(), store)
	root := openRoot(t, out)
	for _, skipped := range []bool{false, true} {
		r, err := pull.Artifact(t.Context(), store, "v1", root, pull.Options{State: out + ".state"})
		if err != nil || r.Skipped != skipped {
			t.Errorf("skipped %v, %v, want %v", r.Skipped, err, skipped)
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
	if _, err := pull.Artifact(t.Context(), store, "v1", root, pull.Options{Force: true}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"d/f": "one", "h": "one", "d": "dir"} {
		value := make([]byte, 10)
		n, err := unix.Getxattr(filepath.Join(out, name), "user.note", value)
		if err != nil || string(value[:n]) != want {
			t.Errorf("%s: %q, %v, want %q", name, value[:max(n, 0)], err, want)
		}
	}
	a, errA := root.Stat("d/f")
	b, errB := root.Stat("h")
	if errA != nil || errB != nil || !os.SameFile(a, b) {
		t.Errorf("they are no links to one another: %v, %v", errA, errB)
	}
}
