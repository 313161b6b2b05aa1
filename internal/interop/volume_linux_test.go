//go:build clients

package interop

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/pull"
	"golang.org/x/sys/unix"
)

// fillVolume fills a directory with files, directories, and links, with holes, and with modes, owners, times, and attributes that a
// volume must keep.
func fillVolume(t *testing.T, dir string) {
	t.Helper()
	at := func(name string) string { return filepath.Join(dir, name) }
	sparse, err := os.Create(at("sparse"))
	if err != nil {
		t.Fatal(err)
	}
	_, holes := sparse.WriteAt([]byte("data"), 5<<20)
	acl := []byte("\x02\x00\x00\x00\x01\x00\x06\x00\xff\xff\xff\xff\x02\x00\x04\x00\xd2\x04\x00\x00\x04\x00\x04\x00\xff\xff\xff\xff\x10\x00\x04\x00\xff\xff\xff\xff\x20\x00\x00\x00\xff\xff\xff\xff")
	capability := []byte{1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := errors.Join(holes, sparse.Truncate(10<<20), sparse.Close(),
		os.MkdirAll(at("d/e"), 0o750), os.WriteFile(at("d/e/f"), []byte("hello"), 0o600), os.Chown(at("d/e/f"), 1000, 1001),
		os.Link(at("d/e/f"), at("d/hard")), os.Symlink("e/f", at("d/soft")), unix.Lchown(at("d/soft"), 7, 8),
		os.WriteFile(at("tool"), []byte("#!/bin/sh\n"), 0o755), os.Chmod(at("tool"), 0o755|fs.ModeSetgid),
		unix.Setxattr(at("tool"), "security.capability", capability, 0), unix.Setxattr(at("d/e/f"), "user.note", []byte("größe"), 0),
		os.WriteFile(at("acl"), nil, 0o640), unix.Setxattr(at("acl"), "system.posix_acl_access", acl, 0),
		os.Mkdir(at("empty"), 0o700), os.Chmod(at("d"), 0o777|fs.ModeSticky),
	); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"d/e/f", "tool", "sparse", "empty", "d/e", "d"} {
		when := time.Unix(1_000_000_000+int64(i), 123_456_789)
		if err := os.Chtimes(at(name), when, when); err != nil {
			t.Fatal(err)
		}
	}
}

// describeInodes describes each file and directory below a directory, by path, with times truncated to precision. It leaves out
// the directory itself, since podman neither exports nor imports the metadata of the directory.
func describeInodes(t *testing.T, dir string, precision time.Duration) map[string]string {
	t.Helper()
	found, first := map[string]string{}, map[uint64]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		about := fmt.Sprint(info.Mode(), st.Uid, st.Gid, info.ModTime().Truncate(precision).UnixNano(), readXattrs(t, name))
		switch {
		case info.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(name)
			found[name[len(dir):]] = about + target
			return err
		case info.Mode().IsRegular():
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if first[st.Ino] == "" {
				first[st.Ino] = name[len(dir):]
			}
			about += fmt.Sprintf(" %x %s", sha256.Sum256(data), first[st.Ino])
		}
		found[name[len(dir):]] = about
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func readXattrs(t *testing.T, name string) map[string]string {
	t.Helper()
	list, value := make([]byte, 4096), make([]byte, 4096)
	n, err := unix.Llistxattr(name, list)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, attr := range bytes.FieldsFunc(list[:n], func(r rune) bool { return r == 0 }) {
		n, err := unix.Lgetxattr(name, string(attr), value)
		if err != nil {
			t.Fatal(err)
		}
		all[string(attr)] = string(value[:n])
	}
	return all
}

// volumes creates volumes of a podman that only this test uses.
type volumes struct{ *clients.Client }

// create creates a volume and returns the directory of its data.
func (v volumes) create(name string) string {
	v.Run("volume", "create", name)
	dir, _ := v.Run("volume", "inspect", name, "--format", "{{.Mountpoint}}")
	return strings.TrimSpace(dir)
}

// restore returns the data directory of a new volume that podman filled from a tar.
func (v volumes) restore(name, tar string) string {
	dir := v.create(name)
	v.Run("volume", "import", name, tar)
	return dir
}

// TestPodmanVolumeExport packs the tar that podman exports from a volume, and checks that podman restores the volume from the pulled
// tar as from its own.
func TestPodmanVolumeExport(t *testing.T) {
	v := volumes{clients.Podman(t)}
	original := v.create("original")
	fillVolume(t, original)
	dir := t.TempDir()
	exported := filepath.Join(dir, "x.tar")
	v.Run("volume", "export", "original", "--output", exported)

	ref := repo(t, "exported") + ":v1"
	push(t, dir, "kind: volume\nname: data\nlayers: [x.tar]\n", ref)
	wantKind(t, ref, "volume")
	tar, _ := pullArtifact(t, ref, pull.Options{NoSync: true, NoUnpack: true})
	got := describeInodes(t, v.restore("ours", filepath.Join(tar, "data.tar")), 1)
	wantFiles(t, got, describeInodes(t, v.restore("theirs", exported), 1))
	unpacked, _ := pullArtifact(t, ref, pull.Options{NoSync: true, Preserve: true})
	wantFiles(t, describeInodes(t, unpacked, 1), got)

	if err := unix.Removexattr(filepath.Join(original, "acl"), "system.posix_acl_access"); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, got, describeInodes(t, original, time.Second)) // podman's tar has whole seconds, and no access control lists
}

// TestPodmanVolumeDirectory packs the data directory of a volume, and checks that podman and pull restore all files and metadata.
func TestPodmanVolumeDirectory(t *testing.T) {
	v := volumes{clients.Podman(t)}
	original := v.create("original")
	fillVolume(t, original)
	want := describeInodes(t, original, 1)

	ref := repo(t, "directory") + ":v1"
	push(t, filepath.Dir(original), "kind: volume\nlayers: [_data/]\n", ref)
	if m, _ := manifestOf(t, ref); len(m.Layers) < 3 {
		t.Errorf("got %d layers, want at least 3", len(m.Layers))
	}
	tar, _ := pullArtifact(t, ref, pull.Options{NoSync: true, NoUnpack: true})
	wantFiles(t, describeInodes(t, v.restore("restored", filepath.Join(tar, "volume.tar")), 1), want)
	unpacked, _ := pullArtifact(t, ref, pull.Options{NoSync: true, Preserve: true})
	wantFiles(t, describeInodes(t, unpacked, 1), want)
	if info, err := os.Stat(filepath.Join(unpacked, "sparse")); err != nil || info.Sys().(*syscall.Stat_t).Blocks > 100 {
		t.Errorf("sparse: got %+v, %v, want a file with holes", info, err)
	}
}
