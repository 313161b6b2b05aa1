package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/compress"
	"github.com/davit-oci/davit/internal/archive/extract"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/archive/sysfile"
	"github.com/davit-oci/davit/internal/archive/write"
	"github.com/klauspost/compress/zstd"
)

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func symlinkTo(name, target string) item { return item{name: name, link: target, typeflag: '2'} }

func file(name string) item { return item{name: name, body: "content of " + name} }

func TestRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		packed []byte
		opts   extract.Options
		names  string // the entry that the message must name
		reason string // a part of the message
	}{
		"empty name":                     {packed: tarball(file("")), reason: "empty name"},
		"path that leaves the tree":      {packed: tarball(file("a/../../evil")), names: "a/../../evil", reason: "leaves"},
		"dot-dot that stays in the tree": {packed: tarball(file("a/../b")), names: "a/../b", reason: "leaves"},
		"only dot-dot":                   {packed: tarball(item{name: "../", typeflag: '5'}), names: "..", reason: "leaves"},
		"absolute path":                  {packed: tarball(file("/tmp/evil")), names: "/tmp/evil", reason: "absolute"},
		"drive":                          {packed: tarball(file("C:/evil")), names: "C:/evil", reason: "drive"},
		"drive with backslashes":         {packed: tarball(file(`c:\evil`)), names: `c:\\evil`, reason: "drive"},
		"drive without slash":            {packed: tarball(file("c:evil")), names: "c:evil", reason: "drive"},
		"drive and dot-dot":              {packed: tarball(file("C:../evil")), names: "C:../evil", reason: "drive"},
		"drive behind a dot":             {packed: tarball(file("./C:/evil")), names: "./C:/evil", reason: "drive"},
		"UNC path":                       {packed: tarball(file(`\\host\evil`)), names: `\\\\host\\evil`, reason: "absolute"},
		"backslashes as separators":      {packed: tarball(file(`..\evil`)), names: `..\\evil`, reason: "backslash"},
		"control character":              {packed: tarball(file("a\x1b[2Jb")), names: `a\x1b[2Jb`, reason: "control"},
		"line break":                     {packed: tarball(file("a\nb")), names: `a\nb`, reason: "control"},
		"C1 control":                     {packed: tarball(file("a\u009bb")), names: `a\u009bb`, reason: "control"},
		"not UTF-8":                      {packed: tarball(file("a\xff")), names: `a\xff`, reason: "UTF-8"},
		"NUL in a PAX path": {
			packed: tarball(item{name: "a", pax: map[string]string{"path": "a\x00b"}}), reason: "malformed extended"},
		"long name": {
			packed: tarball(item{name: "a", pax: map[string]string{"path": strings.Repeat("abc/", 1100)}}), reason: "longer"},
		"long component": {
			packed: tarball(item{name: "a", pax: map[string]string{"path": strings.Repeat("x", 256)}}), reason: "255"},
		"deep nesting": {
			packed: tarball(item{name: "a", pax: map[string]string{"path": strings.Repeat("d/", 300) + "f"}}), reason: "deeper"},
		"root that is a link": {packed: tarball(symlinkTo("./", "x")), reason: "ends in a slash"},
		"root that is a link without slash": {
			packed: tarball(symlinkTo(".", "x")), names: ".", reason: "not a directory"},
		"root that is a file": {packed: tarball(file(".")), names: ".", reason: "not a directory"},

		"symlink that leaves the tree":                {packed: tarball(symlinkTo("l", "../victim")), names: "l", reason: "leaves"},
		"symlink in a directory that leaves the tree": {packed: tarball(symlinkTo("a/l", "../../victim")), names: "a/l", reason: "leaves"},
		"absolute symlink":                            {packed: tarball(symlinkTo("l", "/etc")), names: "l", reason: "absolute"},
		"symlink to a drive":                          {packed: tarball(symlinkTo("l", `C:\x`)), names: "l", reason: "absolute"},
		"symlink without target":                      {packed: tarball(symlinkTo("l", "")), names: "l", reason: "target"},
		"symlink that leaves and comes back": {
			packed: tarball(symlinkTo("l", "../dst/x")), names: "l", reason: "leaves"},
		"symlink through symlinks": {
			packed: tarball(item{name: "a/b/"}, symlinkTo("s", "a/b"), symlinkTo("l", "s/../../../victim")),
			names:  "l", reason: "leaves"},
		"symlink that leaves through another symlink": {
			packed: tarball(symlinkTo("here", "."), symlinkTo("l", "here/x/../../victim/..")),
			names:  "l", reason: "leaves"},
		"symlink that leaves on disk only": {
			packed: tarball(item{name: "d/"}, symlinkTo("d/up", "."), item{name: "d/e/"},
				symlinkTo("d/e/top", "../../d"), symlinkTo("d/e/l", "top/../../victim")),
			names: "d/e/l", reason: "leaves"},
		"write through a symlink": {
			packed: tarball(symlinkTo("l", "d"), item{name: "d/"}, file("l/evil")), names: "l/evil", reason: "symbolic link"},
		"write over a symlink": {
			packed: tarball(symlinkTo("l", "x"), file("l")), names: "l", reason: "duplicate entry"},
		"write through a symlink in another case": {
			packed: tarball(symlinkTo("L", "d"), file("l/evil")), names: "l/evil", reason: "case"},
		"directory over a symlink": {
			packed: tarball(symlinkTo("l", "d"), item{name: "l/"}), names: "l", reason: "duplicate entry"},
		"symlink over a directory": {
			packed: tarball(item{name: "l/"}, symlinkTo("l", "d")), names: "l", reason: "duplicate entry"},
		"symlink over an implied directory": {
			packed: tarball(file("l/x"), symlinkTo("l", "d")), names: "l", reason: "duplicate entry"},
		"file below a file": {packed: tarball(file("f"), file("f/x")), names: "f/x", reason: "not a directory"},

		"hard link that leaves the tree": {
			packed: tarball(item{name: "h", link: "../victim/secret", typeflag: '1'}), names: "h", reason: "leaves"},
		"absolute hard link": {
			packed: tarball(item{name: "h", link: "/etc/passwd", typeflag: '1'}), names: "h", reason: "absolute"},
		"hard link to nothing": {
			packed: tarball(item{name: "h", link: "x", typeflag: '1'}), names: "h", reason: "not an earlier file"},
		"hard link through a symlink": {
			packed: tarball(file("d/x"), symlinkTo("l", "d"), item{name: "h", link: "l/x", typeflag: '1'}), names: "h", reason: "not an earlier file"},
		"hard link to a later file": {
			packed: tarball(item{name: "h", link: "x", typeflag: '1'}, file("x")), names: "h", reason: "not an earlier file"},
		"hard link to a symlink": {
			packed: tarball(symlinkTo("s", "x"), item{name: "h", link: "s", typeflag: '1'}), names: "h", reason: "not an earlier file"},
		"hard link to itself": {
			packed: tarball(item{name: "h", link: "h", typeflag: '1'}), names: "h", reason: "not an earlier file"},
		"hard link to a directory": {
			packed: tarball(item{name: "d/"}, item{name: "h", link: "d", typeflag: '1'}), names: "h", reason: "not an earlier file"},
		"write through a hard link": {
			packed: tarball(file("x"), item{name: "h", link: "x", typeflag: '1'}, file("h")), names: "h", reason: "duplicate entry"},
		"hard link with content": {
			packed: tarball(file("x"), item{name: "h", link: "x", typeflag: '1', body: "x"}), names: "h", reason: "content"},

		"character device": {packed: tarball(item{name: "dev", typeflag: '3'}), names: "dev", reason: "device"},
		"block device":     {packed: tarball(item{name: "dev", typeflag: '4'}), names: "dev", reason: "device"},
		"named pipe":       {packed: tarball(item{name: "p", typeflag: '6'}), names: "p", reason: "pipe"},
		"unknown type":     {packed: tarball(item{name: "p", typeflag: 'Q'}), names: "p", reason: "unknown type"},
		"duplicate":        {packed: tarball(file("a"), file("a")), names: "a", reason: "duplicate entry"},
		"duplicate after the path is cleaned": {
			packed: tarball(file("a/b"), file("./a//b")), names: "a/b", reason: "duplicate entry"},
		"names that differ in case":           {packed: tarball(file("Readme"), file("README")), names: "README", reason: "case"},
		"directories that differ in case":     {packed: tarball(file("Lib/a"), file("lib/b")), names: "lib/b", reason: "case"},
		"non-ASCII names that differ in case": {packed: tarball(file("Straße/É"), file("strAße/é")), names: "strAße/é", reason: "case"},
		"names that differ in Unicode form":   {packed: tarball(file("caf\u00e9"), file("cafe\u0301")), names: "cafe\u0301", reason: "form"},
		"directories that differ in form and case": {
			packed: tarball(file("\u00c9/a"), file("e\u0301/b")), names: "e\u0301/b", reason: "form"},
		"K and the Kelvin sign": {packed: tarball(file("K"), file("\u212a")), names: "\u212a", reason: "case"},

		"too many bytes": {
			packed: tarball(file("a"), item{name: "b", body: strings.Repeat("x", 1000)}),
			opts:   limited(archive.Limits{MaxSize: 1000}), names: "b", reason: "more than 1000 bytes"},
		"too many entries": {
			packed: tarball(file("a"), file("b"), file("c")), opts: limited(archive.Limits{MaxFiles: 2}),
			names: "c", reason: "more than 2 entries"},
		"gzip bomb": {
			packed: gzipped(tarball(item{name: "a", body: strings.Repeat("\x00", 4<<20)})),
			opts:   limited(archive.Limits{MaxRatio: 100}), names: "a", reason: "100 times"},
		"zstd bomb with default limits":     {packed: zstdBomb(item{name: "a", size: fmt.Sprintf("%011o\x00", 300<<20)}.bytes()), names: "a", reason: "200 times"},
		"bomb after the end of the archive": {packed: zstdBomb(tarball()), reason: "200 times"},
		"size beyond the end":               {packed: tarball(item{name: "a", size: "77777777777\x00"}), names: "a", reason: "ends too early"},
		"sparse bomb": {
			packed: tarball(item{name: "a", body: string(sparseMap([]archive.Extent{{1 << 50, 0}})), pax: map[string]string{
				"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": strconv.FormatInt(1<<50, 10)}}),
			names: "a", reason: "bytes"},

		"PAX size above the size in the header": {
			packed: tarball(item{name: "a", size: "00000000000\x00", body: string(file("evil").bytes()),
				pax: map[string]string{"size": "1024"}}), names: "a", reason: "two sizes"},
		"PAX size below the size in the header": {
			packed: tarball(item{name: "a", body: string(file("evil").bytes()), pax: map[string]string{"size": "0"}}),
			names:  "a", reason: "two sizes"},
		"repeated PAX record": {
			packed: tarball(item{name: "x", typeflag: 'x', body: "9 path=a\n9 path=b\n"}, file("c")), reason: "malformed extended"},
		"two PAX headers": {
			packed: tarball(item{name: "x", typeflag: 'x', body: "9 path=a\n"}, item{name: "x", typeflag: 'x', body: "9 path=b\n"},
				file("c")), reason: "several extended"},
		"GNU and PAX extended headers": {
			packed: tarball(item{name: "x", typeflag: 'L', body: "a\x00"}, item{name: "x", typeflag: 'x', body: "9 path=b\n"},
				file("c")), reason: "several extended"},
		"path in a global header": {
			packed: tarball(item{name: "g", typeflag: 'g', body: "9 path=a\n"}, file("c")), reason: "global"},
		"extended header without entry": {
			packed: tarball(item{name: "x", typeflag: 'x', body: "9 path=a\n"})[:1024], reason: "too early"},
		"huge extended header": {
			packed: tarball(item{name: "x", typeflag: 'x', size: "00010000000\x00"}, file("c")), reason: "too large"},
		"endless extended headers": {
			packed: tarball(append(repeat(item{name: "g", typeflag: 'g'}, 17), file("c"))...), reason: "more than 16"},
		"data after the end": {packed: append(tarball(file("a")), tarball(file("b"))...), reason: "after the end"},
		"lone zero block": {
			packed: append(append(file("a").bytes(), make([]byte, 512)...), tarball(file("b"))...), reason: "after the end"},
		"not a tar":      {packed: bytes.Repeat([]byte("no tar "), 500), reason: "not a tar"},
		"cut header":     {packed: tarball(file("a"))[:700], names: "a", reason: "too early"},
		"cut content":    {packed: file("a").bytes()[:515], names: "a", reason: "too early"},
		"cut gzip":       {packed: gzipped(tarball(file("a")))[:60], reason: "too early"},
		"corrupt gzip":   {packed: flip(gzipped(tarball(file("a"))), -6), reason: "decoded"},
		"corrupt header": {packed: flip(tarball(file("a")), 3), reason: "checksum"},
		"negative size": {
			packed: tarball(item{name: "a", size: "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}), names: "a", reason: "size"},
		"file with a slash": {
			packed: tarball(item{name: "a/", typeflag: '0', body: "x"}), names: "a/", reason: "slash"},
		"directory with content": {
			packed: tarball(item{name: "a", typeflag: '5', body: "x"}), names: "a", reason: "content"},
		"sparse map out of order": {packed: sparse10("20", archive.Extent{8, 4}, archive.Extent{0, 4}), names: "s", reason: "sparse"},
		"sparse map beyond the end": {
			packed: sparse10("6", archive.Extent{0, 8}), names: "s", reason: "sparse"},
		"sparse map shorter than the data": {packed: sparse10("20", archive.Extent{0, 4}, archive.Extent{8, 2}), names: "s", reason: "sparse"},
		"sparse map with too many extents": {
			packed: tarball(item{name: "s", body: "999999999\n" + strings.Repeat("0\n", 251), pax: map[string]string{
				"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "5"}}), names: "s", reason: "sparse"},
		"unknown sparse format": {
			packed: tarball(item{name: "s", pax: map[string]string{"GNU.sparse.major": "2"}}), names: "s", reason: "sparse"},
		"file outside Within": {
			packed: tarball(file("d/a"), file("e/b")), opts: extract.Options{Options: read.Options{Within: "d"}},
			names: "e/b", reason: "outside"},
		"symlink that leaves Within": {
			packed: tarball(symlinkTo("d/l", "../e")), opts: extract.Options{Options: read.Options{Within: "d"}},
			names: "d/l", reason: "leaves"},
		"file above Within": {
			packed: tarball(file("d")), opts: extract.Options{Options: read.Options{Within: "d/e"}},
			names: "d", reason: "outside"},
		"whiteout of the parent": {
			packed: tarball(file("d/.wh...")), opts: extract.Options{Options: read.Options{Image: true}},
			names: "d/.wh...", reason: "whiteout"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := extractBeside(t, test.packed, test.opts)
			if !errors.Is(err, archive.ErrUnsafe) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if !strings.Contains(err.Error(), test.reason) || test.names != "" && !strings.Contains(err.Error(), `"`+test.names) {
				t.Errorf("got %q, want it to name %q and to say %q", err, test.names, test.reason)
			}
			if strings.ContainsAny(err.Error(), "\x00\x1b\n\u009b") {
				t.Errorf("%q has control characters", err)
			}
			if again := rewriteAs(t, test.opts, test.packed); again == nil || again.Error() != err.Error() {
				t.Errorf("rewriting returns %v, unpacking %v", again, err)
			}
		})
	}
}

// rewriteAs rewrites archives with the options for unpacking them, and returns the error.
func rewriteAs(t *testing.T, opts extract.Options, archives ...[]byte) error {
	t.Helper()
	return write.Rewrite(t.Context(), io.Discard, openers(archives...), write.RewriteOptions{Options: opts.Options, Place: opts.Place})
}

func limited(l archive.Limits) extract.Options {
	return extract.Options{Options: read.Options{Limits: l}}
}

func repeat(i item, n int) []item {
	items := make([]item, n)
	for k := range items {
		items[k] = i
	}
	return items
}

func flip(b []byte, at int) []byte {
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 0x55
	return b
}

// zstdBomb compresses head followed by 300 MiB of zeros, in a few KiB.
func zstdBomb(head []byte) []byte {
	var out bytes.Buffer
	w, _ := zstd.NewWriter(&out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	w.Write(head)
	for range 300 {
		w.Write(make([]byte, 1<<20))
	}
	w.Close()
	return out.Bytes()
}

// extractBeside extracts into a directory, and checks that the directory beside it does not change, even after an error.
func extractBeside(t testing.TB, packed []byte, opts extract.Options) error {
	t.Helper()
	top := t.TempDir()
	for _, dir := range []string{"victim", "dst"} {
		if err := os.Mkdir(filepath.Join(top, dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(top, "victim", "secret"), []byte("secret"), 0o640); err != nil {
		t.Fatal(err)
	}
	before := describeOutside(t, top)
	dst := filepath.Join(top, "dst")
	err := extract.Extract(t.Context(), bytes.NewReader(packed), openRoot(t, dst), opts)
	if after := describeOutside(t, top); !maps.Equal(before, after) {
		t.Errorf("files outside dst changed:\nbefore %v\nafter  %v", before, after)
	}
	checkInside(t, top, dst, err == nil)
	return err
}

// describeOutside describes all files outside of dst.
func describeOutside(t testing.TB, top string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		found[p] = fmt.Sprint(info.Mode(), info.Size(), sysfile.ChangeTime(info))
		if d.Name() == "dst" {
			found[p] = info.Mode().Type().String()
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// checkInside checks that the unpacked tree has only directories, regular files, and symbolic links, that no hard link
// leads to the file outside, and that no file is setuid, setgid, or sticky. After a successful extraction, no symbolic link may lead out.
func checkInside(t testing.TB, top, dst string, done bool) {
	t.Helper()
	victim, err := os.Stat(filepath.Join(top, "victim", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dst, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch info.Mode().Type() {
		case 0, fs.ModeDir:
			if os.SameFile(info, victim) {
				t.Errorf("%q is a hard link to the file outside", p)
			}
		case fs.ModeSymlink:
			real, err := filepath.EvalSymlinks(p)
			if err == nil && done && real != dst && !strings.HasPrefix(real, dst+"/") {
				t.Errorf("%q leads to %q, outside dst", p, real)
			}
		default:
			t.Errorf("%q has the mode %v, want a directory, regular file, or link", p, info.Mode())
		}
		if info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) != 0 {
			t.Errorf("%q has the mode %v, want no setuid, setgid, or sticky bit", p, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		packed []byte
		opts   extract.Options
		want   map[string]string
	}{
		"dot slash names": {
			packed: tarball(item{name: "./"}, item{name: "./a/", mode: 0o755}, file("./a/b")),
			want:   map[string]string{"a": "drwxr-xr-x", "a/b": "-rw-r--r-- content of ./a/b"}},
		"missing parents": {
			packed: tarball(file("x/y/z")),
			want:   map[string]string{"x": "drwxr-xr-x", "x/y": "drwxr-xr-x", "x/y/z": "-rw-r--r-- content of x/y/z"}},
		"repeated directory": {
			packed: tarball(item{name: "a/", mode: 0o700}, item{name: "a/", mode: 0o711}),
			want:   map[string]string{"a": "drwx--x--x"}},
		"no bits beyond permissions": {
			packed: tarball(item{name: "f", mode: 0o7777}, item{name: "d/", mode: 0o7000}, item{name: "g", mode: 0o002}),
			want:   map[string]string{"f": "-rwxrwxrwx ", "d": "drwx------", "g": "-r------w- "}},
		"links": {
			packed: tarball(file("a/f"), symlinkTo("a/l", "../b/c"), symlinkTo("dangling", "nowhere"),
				item{name: "h", link: "a/f", typeflag: '1'}, symlinkTo("up", "a/../a/f")),
			want: map[string]string{"a": "drwxr-xr-x", "a/f": "-rw-r--r-- content of a/f", "a/l": "-> ../b/c",
				"dangling": "-> nowhere", "h": "-rw-r--r-- content of a/f", "up": "-> a/../a/f"}},
		"directory in the v7 format": {
			packed: tarball(item{name: "a/", typeflag: '0', mode: 0o755}), want: map[string]string{"a": "drwxr-xr-x"}},
		"no zero blocks at the end":       {packed: file("a").bytes(), want: map[string]string{"a": "-rw-r--r-- content of a"}},
		"empty input":                     {packed: nil, want: map[string]string{}},
		"padding":                         {packed: append(tarball(file("a")), make([]byte, 9000)...), want: map[string]string{"a": "-rw-r--r-- content of a"}},
		"global header, as git writes it": {packed: tarball(item{name: "g", typeflag: 'g', body: "20 comment=abcdefgh\n"}, file("a")), want: map[string]string{"a": "-rw-r--r-- content of a"}},
		"gzip members":                    {packed: append(gzipped(tarball(file("a"))[:512]), gzipped(tarball(file("a"))[512:])...), want: map[string]string{"a": "-rw-r--r-- content of a"}},
		"skippable frame":                 {packed: append([]byte("\x51\x2a\x4d\x18\x02\x00\x00\x00hi"), zstdOf(tarball(file("a")))...), want: map[string]string{"a": "-rw-r--r-- content of a"}},
		"empty PAX record":                {packed: tarball(item{name: "a", body: "x", pax: map[string]string{"path": ""}}), want: map[string]string{"a": "-rw-r--r-- x"}},
		"exact names":                     {packed: tarball(file("A"), file("a"), file(`b\x2dc`)), opts: limited(archive.Limits{Exact: true}), want: map[string]string{"A": "-rw-r--r-- content of A", "a": "-rw-r--r-- content of a", `b\x2dc`: `-rw-r--r-- content of b\x2dc`}},
		"tree in Within":                  {packed: tarball(item{name: "d/", mode: 0o755}, file("d/e/f")), opts: extract.Options{Options: read.Options{Within: "d/e"}}, want: map[string]string{"d": "drwxr-xr-x", "d/e": "drwxr-xr-x", "d/e/f": "-rw-r--r-- content of d/e/f"}},
		"sparse":                          {packed: sparse10("20", archive.Extent{2, 4}, archive.Extent{10, 4}), want: map[string]string{"s": "-rw-r--r-- \x00\x001234\x00\x00\x00\x005678\x00\x00\x00\x00\x00\x00"}},
		"sparse map without holes":        {packed: sparse10("8", archive.Extent{0, 8}), opts: extract.Options{Digests: true}, want: map[string]string{"s": "-rw-r--r-- 12345678"}},
		"entries that Place moves and skips": {
			packed: tarball(item{name: "volume-data/", mode: 0o755}, file("volume-data/a"), file("bin/sh")),
			opts: extract.Options{Place: func(name string) (string, error) {
				if name == "volume-data" {
					return ".", nil
				}
				if rest, ok := strings.CutPrefix(name, "volume-data/"); ok {
					return rest, nil
				}
				return "", archive.ErrSkip
			}},
			want: map[string]string{"a": "-rw-r--r-- content of volume-data/a"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := snapshot(t, unpack(t, test.packed, test.opts))
			if !maps.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func zstdOf(b []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(b, nil)
}

// FuzzExtract checks that no archive writes a file outside, that Rewrite accepts the same archives, and that archive/tar reads the
// same entries from them.
func FuzzExtract(f *testing.F) {
	f.Add(tarball(file("a"), item{name: "d/"}, symlinkTo("d/l", "../a"), item{name: "h", link: "a", typeflag: '1'}))
	f.Add(tarball(symlinkTo("l", "../victim"), file("l/secret")))
	f.Add(tarball(item{name: "x", body: "1", pax: map[string]string{"path": "long/name", "SCHILY.xattr.user.a": "b"}}))
	f.Add(tarball(item{name: "x", typeflag: 'L', body: "name\x00"}, file("y")))
	f.Add(sparse10("20", archive.Extent{2, 4}, archive.Extent{10, 4}))
	f.Add(tarball(item{name: "S", typeflag: 'S', body: "1234", change: func(b *headerBlock) {
		copy(b[257:265], "ustar  \x00")
		copy(b[386:], "00000000004\x0000000000004\x00")
		copy(b[483:], "00000000010\x00")
	}}))
	f.Add(gzipped(tarball(file("a"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = fixChecksums(b)
		limits := archive.Limits{MaxSize: 1 << 20, MaxFiles: 100, MaxRatio: 100}
		err := extractBeside(t, b, limited(limits))
		if again := rewriteAs(t, limited(limits), b); (err == nil || errors.Is(err, archive.ErrUnsafe)) && (err == nil) != (again == nil) {
			t.Errorf("got %v from unpacking, %v from rewriting, want both to fail or succeed", err, again)
		}
		if err != nil || compress.Detect(b[:min(4, len(b))]) != compress.None {
			return
		}
		compareReaders(t, b)
	})
}

// fixChecksums corrects the checksums of mutated headers, so that readers get past them.
func fixChecksums(b []byte) []byte {
	b = bytes.Clone(b)
	for at := 0; at+archive.BlockSize <= len(b); at += archive.BlockSize {
		block := (*headerBlock)(b[at : at+archive.BlockSize])
		if bytes.HasPrefix(block[257:], []byte("ustar")) {
			fixChecksum(block)
		}
	}
	return b
}

// compareReaders checks that archive/tar reads the same names, targets, and contents, or refuses the archive.
func compareReaders(t *testing.T, b []byte) {
	theirs := tar.NewReader(bytes.NewReader(b))
	err := read.Each(t.Context(), bytes.NewReader(b), read.Options{}, func(h *read.Header, content io.Reader) error {
		other, err := theirs.Next()
		for err == nil && other.Typeflag == tar.TypeXGlobalHeader {
			other, err = theirs.Next()
		}
		if errors.Is(err, tar.ErrHeader) {
			return fs.SkipAll
		}
		if err != nil {
			return fmt.Errorf("archive/tar at %q: %w", h.Name, err)
		}
		return compareEntries(h, content, other, theirs)
	})
	if err != nil {
		t.Error(err)
	}
	if h, err := theirs.Next(); err == nil && h.Typeflag != tar.TypeXGlobalHeader {
		t.Errorf("archive/tar has another entry: %q", h.Name)
	}
}

func compareEntries(h *read.Header, content io.Reader, other *tar.Header, theirs io.Reader) error {
	symlink := h.Mode.Type() == fs.ModeSymlink
	if archive.CleanDir(other.Name) != h.Name || other.Size != h.Size || symlink && other.Linkname != h.Link ||
		h.IsHardLink() && archive.CleanDir(other.Linkname) != h.Link {
		return fmt.Errorf("got %q %d %q, archive/tar %q %d %q",
			h.Name, h.Size, h.Link, other.Name, other.Size, other.Linkname)
	}
	got, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	want, err := io.ReadAll(theirs)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("content of %q: got %q, archive/tar %q", h.Name, got, want)
	}
	return nil
}
