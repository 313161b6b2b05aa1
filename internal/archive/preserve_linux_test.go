package archive_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/compress"
	"github.com/davit-oci/davit/internal/archive/extract"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/archive/sysfile"
	"github.com/davit-oci/davit/internal/archive/write"
	"github.com/davit-oci/davit/internal/clients"
	"golang.org/x/sys/unix"
)

// makeVolume creates a tree with all types of files and metadata that Preserve keeps and the current user may create.
func makeVolume(t testing.TB) string {
	t.Helper()
	top := newDir(t)
	at := func(name string) string { return filepath.Join(top, name) }
	must := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(at("d/e"), 0o755), os.Mkdir(at("ro"), 0o755))
	for name, mode := range map[string]fs.FileMode{
		"d/setuid": 0o755 | fs.ModeSetuid, "d/setgid": 0o755 | fs.ModeSetgid, "d/e/plain": 0o640, "ro/f": 0o400,
		"Case": 0o600, "case": 0o600, `back\slash`: 0o600, "none": 0,
	} {
		must(os.WriteFile(at(name), []byte(name), 0o600))
		if os.Getuid() == 0 {
			must(os.Chown(at(name), 1234, 3_000_000))
		}
		must(os.Chmod(at(name), mode))
	}
	must(os.Link(at("d/setuid"), at("d/e/hard")), os.Link(at("d/setuid"), at("a-hard")))
	must(os.Symlink("d/e", at("l")), os.Symlink("../Case", at("d/l2")))
	must(createSparse(at("d/sparse")), createSparse(at("ends-in-a-hole")), os.Truncate(at("ends-in-a-hole"), 9<<20))
	f, err := os.Create(at("only-a-hole"))
	must(err, f.Truncate(1<<30), f.Close())
	must(setUserXattr(at("d/e/plain")), os.Chmod(at("d"), 0o777|fs.ModeSticky))
	if os.Getuid() == 0 {
		must(unix.Setxattr(at("d/e"), "trusted.davit", []byte("x\x00\n="), 0))
		must(unix.Setxattr(at("d/setgid"), "security.capability", capability, 0))
		must(unix.Lchown(at("l"), 77, 88))
		must(unix.Lsetxattr(at("l"), "trusted.davit", []byte("l\x00"), 0), unix.Lsetxattr(at("d/l2"), "trusted.davit", []byte("2"), 0))
		must(unix.Lsetxattr(at("d/l2"), "trusted.overlay.davit", []byte("2"), 0))
	}
	times := map[string]time.Time{
		"d/e/plain": time.Unix(1e9, 123456789), "l": time.Unix(5, 7), "d/sparse": time.Unix(-3, 250_000_000),
		"ro": time.Unix(1.1e9, 1), "d/e": time.Unix(1.2e9, 2), "d": time.Unix(1.3e9, 0), "a-hard": time.Unix(4e9, 999999999),
	}
	for name, when := range times {
		ts := unix.NsecToTimespec(when.UnixNano())
		must(unix.UtimesNanoAt(unix.AT_FDCWD, at(name), []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW))
	}
	must(os.Chmod(at("ro"), 0o500))
	return top
}

// newDir returns a temporary directory that is removed even if it has directories its owner may not write.
func newDir(t testing.TB) string {
	t.Helper()
	top := t.TempDir()
	t.Cleanup(func() {
		filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(p, 0o700)
			}
			return err
		})
	})
	return top
}

// capability is cap_net_raw+ep in the format VFS_CAP_REVISION_2.
var capability = []byte{1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

func setUserXattr(name string) error {
	err := unix.Setxattr(name, "user.davit", []byte("größe"), 0)
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return err
}

// createSparse creates a 4 MiB file with data at 1 MiB and at 3 MiB.
func createSparse(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err1 := f.WriteAt(bytes.Repeat([]byte("data"), 2000), 1<<20)
	_, err2 := f.WriteAt(bytes.Repeat([]byte("more"), 100_000), 3<<20)
	return errors.Join(err1, err2, f.Truncate(4<<20), f.Close())
}

// describeTree describes the files below a directory with all their metadata. A hard link is described by the first of its names.
func describeTree(t testing.TB, top string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	first := make(map[uint64]string)
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(top, p)
		info, err := os.Lstat(p)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		about := fmt.Sprintf("%v %d %d %d", info.Mode(), st.Uid, st.Gid, info.ModTime().UnixNano())
		switch {
		case info.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			dir, err := os.Open(filepath.Dir(p))
			if err != nil {
				return err
			}
			defer dir.Close()
			attrs, err := sysfile.LinkXattrs(dir, filepath.Base(p))
			found[name] = fmt.Sprint(about, " ", target, attrs)
			return err
		case info.Mode().IsRegular():
			if _, ok := first[st.Ino]; !ok {
				first[st.Ino] = name
			}
			about += fmt.Sprint(" ", st.Size, " ", st.Nlink, " ", first[st.Ino])
		}
		f, err := os.Open(p)
		if errors.Is(err, fs.ErrPermission) {
			found[name] = about
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		attrs, err := sysfile.Xattrs(f)
		if err != nil {
			return err
		}
		extents, err := sysfile.DataExtents(f, info)
		if err != nil {
			return err
		}
		found[name] = fmt.Sprint(about, " ", attrs, extents)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// compareMetadata compares two trees with all their metadata.
func compareMetadata(t testing.TB, got, want string) {
	t.Helper()
	g, w := describeTree(t, got), describeTree(t, want)
	for name := range w {
		if g[name] != w[name] {
			t.Errorf("%q:\n got %q\nwant %q", name, g[name], w[name])
		}
	}
	if len(g) != len(w) {
		t.Errorf("got %d files, want %d", len(g), len(w))
	}
}

// removeUnreadable removes the file without permissions, which only root can read, unless the test runs as root.
func removeUnreadable(t testing.TB, top string) {
	t.Helper()
	if os.Getuid() != 0 {
		if err := os.Remove(filepath.Join(top, "none")); err != nil {
			t.Fatal(err)
		}
	}
}

func preserving() extract.Options {
	return extract.Options{Preserve: true, Options: read.Options{Limits: archive.Limits{Exact: true}}}
}

func TestPreserve(t *testing.T) {
	t.Parallel()
	src := makeVolume(t)
	removeUnreadable(t, src)
	tree := write.Tree{FS: openRoot(t, src).FS(), Preserve: true, Root: true}
	packed := pack(t, tree, compress.Zstd)
	if len(packed) > 10_000 {
		t.Errorf("got an archive of %d bytes, want at most 10,000: holes were stored", len(packed))
	}
	opts := preserving()
	opts.Note = func(name, what string) { t.Logf("%s: %s", name, what) }
	dst := newDir(t)
	if err := extract.Extract(t.Context(), bytes.NewReader(packed), openRoot(t, dst), opts); err != nil {
		t.Fatal(err)
	}
	compareMetadata(t, dst, src)
	if again := pack(t, write.Tree{FS: openRoot(t, dst).FS(), Preserve: true, Root: true}, compress.Zstd); !bytes.Equal(again, packed) {
		t.Error("packing the unpacked tree creates a different archive")
	}
}

func TestPreserveInGroups(t *testing.T) {
	t.Parallel()
	src := makeVolume(t)
	removeUnreadable(t, src)
	tree := write.Tree{FS: openRoot(t, src).FS(), Preserve: true, Root: true, Prefix: "volume-data/"}
	entries, err := tree.Walk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	groups := tree.SplitBySize(entries, 300_000)
	if len(groups) < 4 {
		t.Fatalf("got %d groups, want at least 4", len(groups))
	}
	opts := preserving()
	opts.Place = func(name string) (string, error) {
		return archive.CleanDir(strings.TrimPrefix(strings.TrimPrefix(name, "volume-data"), "/")), nil
	}
	dst := newDir(t)
	x := extract.New(openRoot(t, dst), opts)
	for _, group := range groups {
		if err := x.Extract(t.Context(), bytes.NewReader(packEntries(t, tree, group, compress.Gzip))); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	compareMetadata(t, dst, src)

	plain := newDir(t)
	for _, group := range groups {
		runTar(t, packEntries(t, tree, group, compress.None), "--xattrs", "--xattrs-include=*", "-xpf", "-", "-C", plain)
	}
	compareMetadata(t, filepath.Join(plain, "volume-data"), src)

	var packed [][]byte
	for _, group := range groups {
		packed = append(packed, packEntries(t, tree, group, compress.Gzip))
	}
	whole := newDir(t)
	one := rewrite(t, write.RewriteOptions{Options: read.Options{Image: true}, Place: opts.Place}, packed...)
	runTar(t, one, "--xattrs", "--xattrs-include=*", "-xpf", "-", "-C", whole)
	compareMetadata(t, whole, src)
}

// TestRewriteKeepsEverything checks that rewriting an archive below a prefix has the same result as packing its tree with that
// prefix.
func TestRewriteKeepsEverything(t *testing.T) {
	t.Parallel()
	src := makeVolume(t)
	removeUnreadable(t, src)
	tree := write.Tree{FS: openRoot(t, src).FS(), Preserve: true, Root: true}
	packed := pack(t, tree, compress.None)
	tree.Prefix = "volume-data/"
	below := rewrite(t, write.RewriteOptions{Options: read.Options{Limits: archive.Limits{Exact: true}}, Prefix: tree.Prefix}, packed)
	if !bytes.Equal(below, pack(t, tree, compress.None)) {
		t.Error("the rewritten archive differs from the packed one")
	}
}

func TestExtractWithoutPreserve(t *testing.T) {
	t.Parallel()
	src := makeVolume(t)
	removeUnreadable(t, src)
	packed := pack(t, write.Tree{FS: openRoot(t, src).FS(), Preserve: true}, compress.None)
	dst := unpack(t, packed, extract.Options{Options: read.Options{Limits: archive.Limits{Exact: true}}})
	for name, about := range describeTree(t, dst) {
		if strings.ContainsAny(strings.Fields(about)[0], "ugt") && !strings.HasPrefix(about, "L") {
			t.Errorf("%q: got %s, want no setuid, setgid, or sticky bit", name, about)
		}
		if strings.Contains(about, "davit") || strings.Contains(about, "capability") {
			t.Errorf("%q: got %s, want no extended attributes", name, about)
		}
		if os.Getuid() == 0 && strings.Contains(about, "3000000") {
			t.Errorf("%q: got %s, want the current user as the owner", name, about)
		}
	}
}

// runTar runs GNU tar and returns its output. It skips the test if tar is not installed.
func runTar(t testing.TB, stdin []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), clients.Path(t, "tar"), args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("tar %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out.Bytes()
}

func TestGNUTarExtracts(t *testing.T) {
	t.Parallel()
	src := makeVolume(t)
	removeUnreadable(t, src)
	dst := newDir(t)
	packed := pack(t, write.Tree{FS: openRoot(t, src).FS(), Preserve: true, Root: true}, compress.None)
	runTar(t, packed, "--xattrs", "--xattrs-include=*", "-xpf", "-", "-C", dst)
	compareMetadata(t, dst, src)
}

// TestHardLinksHaveMetadata checks that each hard link has the metadata of its file, because some readers set it for every link.
func TestHardLinksHaveMetadata(t *testing.T) {
	t.Parallel()
	src := makeVolume(t)
	removeUnreadable(t, src)
	headers := make(map[string]*tar.Header)
	r := tar.NewReader(bytes.NewReader(pack(t, write.Tree{FS: openRoot(t, src).FS(), Preserve: true}, compress.None)))
	for h, err := r.Next(); err == nil; h, err = r.Next() {
		headers[h.Name] = h
	}
	first, link := headers["a-hard"], headers["d/setuid"]
	if link.Linkname != first.Name || link.Mode != first.Mode || link.Uid != first.Uid || link.Gid != first.Gid ||
		!link.ModTime.Equal(first.ModTime) || !maps.Equal(link.PAXRecords, first.PAXRecords) {
		t.Errorf("got %+v, want the fields of %+v", link, first)
	}
}

func TestReadGNUTar(t *testing.T) {
	t.Parallel()
	formats := map[string][]string{
		"v7": {"--format=v7"}, "ustar": {"--format=ustar"}, "gnu": {"--format=gnu"}, "pax": {"--format=posix"},
		"old sparse": {"--format=gnu", "-S"}, "sparse 0.0": {"--format=posix", "-S", "--sparse-version=0.0"},
		"sparse 0.1": {"--format=posix", "-S", "--sparse-version=0.1"},
		"sparse 1.0": {"--format=posix", "-S", "--sparse-version=1.0"},
	}
	for name, args := range formats {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := t.TempDir()
			for _, dir := range []string{"d/e", strings.Repeat("long", 20)} {
				if err := os.MkdirAll(filepath.Join(src, dir), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			errs := []error{
				os.WriteFile(filepath.Join(src, "d/e/f"), []byte("f"), 0o640), os.Symlink("../d/e", filepath.Join(src, "d/l")),
				os.WriteFile(filepath.Join(src, strings.Repeat("long", 20), "g"), make([]byte, 70_000), 0o600),
				os.Link(filepath.Join(src, "d/e/f"), filepath.Join(src, "h")), createSparse(filepath.Join(src, "s")),
				createHoles(filepath.Join(src, "holes")),
			}
			if name != "v7" && name != "ustar" {
				errs = append(errs, os.WriteFile(filepath.Join(src, strings.Repeat("n", 200)), nil, 0o600))
			}
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			packed := runTar(t, nil, append(args, "-C", src, "-cf", "-", ".")...)
			dst := unpack(t, packed, extract.Options{})
			compareTrees(t, dst, src)
			if strings.Contains(name, "sparse") {
				got, want := describeTree(t, dst), describeTree(t, src)
				if g, w := extentsOf(got["holes"]), extentsOf(want["holes"]); g != w {
					t.Errorf("got the extents %s, want %s", g, w)
				}
			}
		})
	}
}

func extentsOf(about string) string { return about[strings.LastIndex(about, "["):] }

// createHoles creates a file with more extents than fit into a GNU tar header.
func createHoles(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	for i := range int64(60) {
		if _, err := f.WriteAt([]byte("data"), i*100_000); err != nil {
			return err
		}
	}
	return f.Close()
}

func TestPackTwice(t *testing.T) {
	t.Parallel()
	src := makeVolume(t)
	removeUnreadable(t, src)
	tree := write.Tree{FS: openRoot(t, src).FS(), Preserve: true}
	if !bytes.Equal(pack(t, tree, compress.None), pack(t, tree, compress.None)) {
		t.Error("two archives of one tree differ")
	}
	if a, b := describeTree(t, src), describeTree(t, src); !maps.Equal(a, b) {
		t.Error("packing changed the tree")
	}
}
