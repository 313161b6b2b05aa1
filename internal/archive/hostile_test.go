package archive

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

	"github.com/klauspost/compress/zstd"
)

// item is one entry of an archive made for a test: a header that nobody checks, and what follows it.
type item struct {
	name, link string
	typeflag   byte // 0: '0', or '5' for a name that ends in a slash
	body       string
	mode       int64
	size       string // of the header, when it is not that of the body
	pax        map[string]string
	change     func(*headerBlock)
}

func (i item) bytes() []byte {
	typeflag := i.typeflag
	if typeflag == 0 {
		typeflag = '0'
		if strings.HasSuffix(i.name, "/") {
			typeflag = '5'
		}
	}
	var out []byte
	if i.pax != nil {
		out = item{name: "PaxHeaders", typeflag: 'x', body: string(paxRecords(i.pax))}.bytes()
	}
	var b headerBlock
	copy(b.name(), i.name)
	copy(b.linkname(), i.link)
	mode := i.mode
	if mode == 0 {
		mode = 0o644
	}
	for field, n := range map[*[]byte]int64{ptr(b.mode()): mode, ptr(b.uid()): 0, ptr(b.gid()): 0, ptr(b.mtime()): 0} {
		octal(*field, n, "", nil)
	}
	octal(b.size(), int64(len(i.body)), "", nil)
	if i.size != "" {
		copy(b.size(), i.size)
	}
	seal(b[:], typeflag)
	if i.change != nil {
		i.change(&b)
		fixChecksum(&b)
	}
	out = append(out, b[:]...)
	out = append(out, i.body...)
	return append(out, make([]byte, padding(int64(len(i.body))))...)
}

func ptr(b []byte) *[]byte { return &b }

func fixChecksum(b *headerBlock) {
	copy(b[148:156], "        ")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

// tarball makes an archive.
func tarball(items ...item) []byte {
	var b []byte
	for _, i := range items {
		b = append(b, i.bytes()...)
	}
	return append(b, make([]byte, 2*blockSize)...)
}

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
		archive []byte
		opts    ExtractOptions
		names   string // what the message must name
		reason  string // and what it must say
	}{
		"empty name":                {archive: tarball(file("")), reason: "empty name"},
		"path that leaves":          {archive: tarball(file("a/../../evil")), names: "a/../../evil", reason: "leaves"},
		"dot dot that stays":        {archive: tarball(file("a/../b")), names: "a/../b", reason: "leaves"},
		"only dot dot":              {archive: tarball(item{name: "../", typeflag: '5'}), names: "..", reason: "leaves"},
		"absolute path":             {archive: tarball(file("/tmp/evil")), names: "/tmp/evil", reason: "absolute"},
		"drive":                     {archive: tarball(file("C:/evil")), names: "C:/evil", reason: "drive"},
		"drive with backslashes":    {archive: tarball(file(`c:\evil`)), names: `c:\\evil`, reason: "drive"},
		"drive without slash":       {archive: tarball(file("c:evil")), names: "c:evil", reason: "drive"},
		"drive and out":             {archive: tarball(file("C:../evil")), names: "C:../evil", reason: "drive"},
		"drive behind a dot":        {archive: tarball(file("./C:/evil")), names: "./C:/evil", reason: "drive"},
		"UNC path":                  {archive: tarball(file(`\\host\evil`)), names: `\\\\host\\evil`, reason: "absolute"},
		"backslashes as separators": {archive: tarball(file(`..\evil`)), names: `..\\evil`, reason: "backslash"},
		"control character":         {archive: tarball(file("a\x1b[2Jb")), names: `a\x1b[2Jb`, reason: "control"},
		"line break":                {archive: tarball(file("a\nb")), names: `a\nb`, reason: "control"},
		"C1 control":                {archive: tarball(file("a\u009bb")), names: `a\u009bb`, reason: "control"},
		"not UTF-8":                 {archive: tarball(file("a\xff")), names: `a\xff`, reason: "UTF-8"},
		"NUL in a PAX path": {
			archive: tarball(item{name: "a", pax: map[string]string{"path": "a\x00b"}}), reason: "malformed extended"},
		"long name": {
			archive: tarball(item{name: "a", pax: map[string]string{"path": strings.Repeat("abc/", 1100)}}), reason: "longer"},
		"long component": {
			archive: tarball(item{name: "a", pax: map[string]string{"path": strings.Repeat("x", 256)}}), reason: "255"},
		"deep nesting": {
			archive: tarball(item{name: "a", pax: map[string]string{"path": strings.Repeat("d/", 300) + "f"}}), reason: "deeper"},
		"root that is a link": {archive: tarball(symlinkTo("./", "x")), reason: "ends in a slash"},
		"root that is a link without slash": {
			archive: tarball(symlinkTo(".", "x")), names: ".", reason: "no directory"},
		"root that is a file": {archive: tarball(file(".")), names: ".", reason: "no directory"},

		"symlink that leaves":       {archive: tarball(symlinkTo("l", "../victim")), names: "l", reason: "leaves"},
		"symlink that leaves below": {archive: tarball(symlinkTo("a/l", "../../victim")), names: "a/l", reason: "leaves"},
		"absolute symlink":          {archive: tarball(symlinkTo("l", "/etc")), names: "l", reason: "absolute"},
		"symlink to a drive":        {archive: tarball(symlinkTo("l", `C:\x`)), names: "l", reason: "absolute"},
		"symlink without target":    {archive: tarball(symlinkTo("l", "")), names: "l", reason: "target"},
		"symlink out and in again": {
			archive: tarball(symlinkTo("l", "../dst/x")), names: "l", reason: "leaves"},
		"symlink through symlinks": {
			archive: tarball(item{name: "a/b/"}, symlinkTo("s", "a/b"), symlinkTo("l", "s/../../../victim")),
			names:   "l", reason: "leaves"},
		"symlink that leaves by another one": {
			archive: tarball(symlinkTo("here", "."), symlinkTo("l", "here/x/../../victim/..")),
			names:   "l", reason: "leaves"},
		"symlink that leaves on disk only": {
			archive: tarball(item{name: "d/"}, symlinkTo("d/up", "."), item{name: "d/e/"},
				symlinkTo("d/e/top", "../../d"), symlinkTo("d/e/l", "top/../../victim")),
			names: "d/e/l", reason: "leaves"},
		"write through a symlink": {
			archive: tarball(symlinkTo("l", "d"), item{name: "d/"}, file("l/evil")), names: "l/evil", reason: "symbolic link"},
		"write over a symlink": {
			archive: tarball(symlinkTo("l", "x"), file("l")), names: "l", reason: "twice"},
		"write through in another case": {
			archive: tarball(symlinkTo("L", "d"), file("l/evil")), names: "l/evil", reason: "case"},
		"directory over a symlink": {
			archive: tarball(symlinkTo("l", "d"), item{name: "l/"}), names: "l", reason: "twice"},
		"symlink over a directory": {
			archive: tarball(item{name: "l/"}, symlinkTo("l", "d")), names: "l", reason: "twice"},
		"symlink over an implied directory": {
			archive: tarball(file("l/x"), symlinkTo("l", "d")), names: "l", reason: "twice"},
		"file below a file": {archive: tarball(file("f"), file("f/x")), names: "f/x", reason: "no directory"},

		"hard link that leaves": {
			archive: tarball(item{name: "h", link: "../victim/secret", typeflag: '1'}), names: "h", reason: "leaves"},
		"absolute hard link": {
			archive: tarball(item{name: "h", link: "/etc/passwd", typeflag: '1'}), names: "h", reason: "absolute"},
		"hard link to nothing": {
			archive: tarball(item{name: "h", link: "x", typeflag: '1'}), names: "h", reason: "no earlier file"},
		"hard link by a symlink": {
			archive: tarball(file("d/x"), symlinkTo("l", "d"), item{name: "h", link: "l/x", typeflag: '1'}), names: "h", reason: "no earlier file"},
		"hard link to a later file": {
			archive: tarball(item{name: "h", link: "x", typeflag: '1'}, file("x")), names: "h", reason: "no earlier file"},
		"hard link to a symlink": {
			archive: tarball(symlinkTo("s", "x"), item{name: "h", link: "s", typeflag: '1'}), names: "h", reason: "no earlier file"},
		"hard link to itself": {
			archive: tarball(item{name: "h", link: "h", typeflag: '1'}), names: "h", reason: "no earlier file"},
		"hard link to a directory": {
			archive: tarball(item{name: "d/"}, item{name: "h", link: "d", typeflag: '1'}), names: "h", reason: "no earlier file"},
		"write through a hard link": {
			archive: tarball(file("x"), item{name: "h", link: "x", typeflag: '1'}, file("h")), names: "h", reason: "twice"},
		"hard link with content": {
			archive: tarball(file("x"), item{name: "h", link: "x", typeflag: '1', body: "x"}), names: "h", reason: "content"},

		"character device": {archive: tarball(item{name: "dev", typeflag: '3'}), names: "dev", reason: "device"},
		"block device":     {archive: tarball(item{name: "dev", typeflag: '4'}), names: "dev", reason: "device"},
		"named pipe":       {archive: tarball(item{name: "p", typeflag: '6'}), names: "p", reason: "pipe"},
		"unknown type":     {archive: tarball(item{name: "p", typeflag: 'Q'}), names: "p", reason: "unknown type"},
		"duplicate":        {archive: tarball(file("a"), file("a")), names: "a", reason: "twice"},
		"duplicate after cleaning": {
			archive: tarball(file("a/b"), file("./a//b")), names: "a/b", reason: "twice"},
		"collision of case":        {archive: tarball(file("Readme"), file("README")), names: "README", reason: "case"},
		"collision of directories": {archive: tarball(file("Lib/a"), file("lib/b")), names: "lib/b", reason: "case"},
		"collision beyond ASCII":   {archive: tarball(file("Straße/É"), file("strAße/é")), names: "strAße/é", reason: "case"},
		"collision of forms":       {archive: tarball(file("caf\u00e9"), file("cafe\u0301")), names: "cafe\u0301", reason: "form"},
		"collision of form and case": {
			archive: tarball(file("\u00c9/a"), file("e\u0301/b")), names: "e\u0301/b", reason: "form"},
		"collision by Kelvin sign": {archive: tarball(file("K"), file("\u212a")), names: "\u212a", reason: "case"},

		"too large": {
			archive: tarball(file("a"), item{name: "b", body: strings.Repeat("x", 1000)}),
			opts:    limited(Limits{MaxSize: 1000}), names: "b", reason: "more than 1000 bytes"},
		"too many": {
			archive: tarball(file("a"), file("b"), file("c")), opts: limited(Limits{MaxFiles: 2}),
			names: "c", reason: "more than 2 entries"},
		"bomb": {
			archive: gzipped(tarball(item{name: "a", body: strings.Repeat("\x00", 4<<20)})),
			opts:    limited(Limits{MaxRatio: 100}), names: "a", reason: "100 times"},
		"bomb by default":         {archive: zstdBomb(item{name: "a", size: fmt.Sprintf("%011o\x00", 300<<20)}.bytes()), names: "a", reason: "200 times"},
		"bomb behind the archive": {archive: zstdBomb(tarball()), reason: "200 times"},
		"claimed size":            {archive: tarball(item{name: "a", size: "77777777777\x00"}), names: "a", reason: "ends too early"},
		"sparse bomb": {
			archive: tarball(item{name: "a", body: string(sparseMap([]extent{{1 << 50, 0}})), pax: map[string]string{
				"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": strconv.FormatInt(1<<50, 10)}}),
			names: "a", reason: "bytes"},

		"two sizes": {
			archive: tarball(item{name: "a", size: "00000000000\x00", body: string(file("evil").bytes()),
				pax: map[string]string{"size": "1024"}}), names: "a", reason: "two sizes"},
		"two sizes the other way": {
			archive: tarball(item{name: "a", body: string(file("evil").bytes()), pax: map[string]string{"size": "0"}}),
			names:   "a", reason: "two sizes"},
		"repeated record": {
			archive: tarball(item{name: "x", typeflag: 'x', body: "9 path=a\n9 path=b\n"}, file("c")), reason: "malformed extended"},
		"two extended headers": {
			archive: tarball(item{name: "x", typeflag: 'x', body: "9 path=a\n"}, item{name: "x", typeflag: 'x', body: "9 path=b\n"},
				file("c")), reason: "several extended"},
		"extended headers of both kinds": {
			archive: tarball(item{name: "x", typeflag: 'L', body: "a\x00"}, item{name: "x", typeflag: 'x', body: "9 path=b\n"},
				file("c")), reason: "several extended"},
		"global path": {
			archive: tarball(item{name: "g", typeflag: 'g', body: "9 path=a\n"}, file("c")), reason: "global"},
		"extended header without entry": {
			archive: tarball(item{name: "x", typeflag: 'x', body: "9 path=a\n"})[:1024], reason: "too early"},
		"huge extended header": {
			archive: tarball(item{name: "x", typeflag: 'x', size: "00010000000\x00"}, file("c")), reason: "more than"},
		"endless extended headers": {
			archive: tarball(append(repeat(item{name: "g", typeflag: 'g'}, 17), file("c"))...), reason: "more than 16"},
		"data behind the end": {archive: append(tarball(file("a")), tarball(file("b"))...), reason: "behind the end"},
		"lone zero block": {
			archive: append(append(file("a").bytes(), make([]byte, 512)...), tarball(file("b"))...), reason: "behind the end"},
		"not a tar":      {archive: bytes.Repeat([]byte("no tar "), 500), reason: "not a tar"},
		"cut header":     {archive: tarball(file("a"))[:700], names: "a", reason: "too early"},
		"cut content":    {archive: file("a").bytes()[:515], names: "a", reason: "too early"},
		"cut gzip":       {archive: gzipped(tarball(file("a")))[:60], reason: "too early"},
		"corrupt gzip":   {archive: flip(gzipped(tarball(file("a"))), -6), reason: "decoded"},
		"corrupt header": {archive: flip(tarball(file("a")), 3), reason: "checksum"},
		"negative size": {
			archive: tarball(item{name: "a", size: "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}), names: "a", reason: "size"},
		"file with a slash": {
			archive: tarball(item{name: "a/", typeflag: '0', body: "x"}), names: "a/", reason: "slash"},
		"directory with content": {
			archive: tarball(item{name: "a", typeflag: '5', body: "x"}), names: "a", reason: "content"},
		"sparse map out of order": {archive: sparse10("20", extent{8, 4}, extent{0, 4}), names: "s", reason: "sparse"},
		"sparse map beyond the end": {
			archive: sparse10("6", extent{0, 8}), names: "s", reason: "sparse"},
		"sparse map shorter than the data": {archive: sparse10("20", extent{0, 4}, extent{8, 2}), names: "s", reason: "sparse"},
		"sparse map of too many": {
			archive: tarball(item{name: "s", body: "999999999\n" + strings.Repeat("0\n", 251), pax: map[string]string{
				"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "5"}}), names: "s", reason: "sparse"},
		"unknown sparse format": {
			archive: tarball(item{name: "s", pax: map[string]string{"GNU.sparse.major": "2"}}), names: "s", reason: "sparse"},
		"outside of its directory": {
			archive: tarball(file("d/a"), file("e/b")), opts: ExtractOptions{ReadOptions: ReadOptions{Within: "d"}},
			names: "e/b", reason: "outside"},
		"link out of its directory": {
			archive: tarball(symlinkTo("d/l", "../e")), opts: ExtractOptions{ReadOptions: ReadOptions{Within: "d"}},
			names: "d/l", reason: "leaves"},
		"its directory is a file": {
			archive: tarball(file("d")), opts: ExtractOptions{ReadOptions: ReadOptions{Within: "d/e"}},
			names: "d", reason: "outside"},
		"whiteout of the parent": {
			archive: tarball(file("d/.wh...")), opts: ExtractOptions{ReadOptions: ReadOptions{Image: true}},
			names: "d/.wh...", reason: "whiteout"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := extractBeside(t, test.archive, test.opts)
			if !errors.Is(err, ErrUnsafe) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if !strings.Contains(err.Error(), test.reason) || test.names != "" && !strings.Contains(err.Error(), `"`+test.names) {
				t.Errorf("got %q, want it to name %q and to say %q", err, test.names, test.reason)
			}
			if strings.ContainsAny(err.Error(), "\x00\x1b\n\u009b") {
				t.Errorf("%q has control characters", err)
			}
			if again := rewriteAs(t, test.opts, test.archive); again == nil || again.Error() != err.Error() {
				t.Errorf("rewriting gives %v, unpacking %v", again, err)
			}
		})
	}
}

// rewriteAs is the error of rewriting what is to be unpacked with these options.
func rewriteAs(t *testing.T, opts ExtractOptions, archives ...[]byte) error {
	t.Helper()
	return Rewrite(t.Context(), io.Discard, openers(archives...), RewriteOptions{ReadOptions: opts.ReadOptions, Place: opts.Place})
}

func limited(l Limits) ExtractOptions { return ExtractOptions{ReadOptions: ReadOptions{Limits: l}} }

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

// zstdBomb is what head says and 300 MiB of zeros behind it, in a few KiB.
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

// sparse10 is an archive of a sparse file "s" with 8 bytes of data.
func sparse10(size string, extents ...extent) []byte {
	return tarball(item{name: "s", body: string(sparseMap(extents)) + "12345678", pax: map[string]string{
		"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": size}})
}

// extractBeside extracts into a directory beside others, which must stay as they are, whether it succeeds or not.
func extractBeside(t testing.TB, archive []byte, opts ExtractOptions) error {
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
	before := surroundings(t, top)
	dst := filepath.Join(top, "dst")
	err := Extract(t.Context(), bytes.NewReader(archive), openRoot(t, dst), opts)
	if after := surroundings(t, top); !maps.Equal(before, after) {
		t.Errorf("surroundings changed:\n%v\n%v", before, after)
	}
	checkInside(t, top, dst, err == nil)
	return err
}

// surroundings describes all but what is in dst.
func surroundings(t testing.TB, top string) map[string]string {
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
		found[p] = fmt.Sprint(info.Mode(), info.Size(), changeTime(info))
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

// checkInside looks at what was unpacked: files of one name each or linked to one another, no link that leads out, no
// special files.
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
				t.Errorf("%q is the file outside", p)
			}
		case fs.ModeSymlink:
			real, err := filepath.EvalSymlinks(p)
			if err == nil && done && real != dst && !strings.HasPrefix(real, dst+"/") {
				t.Errorf("%q leads to %q", p, real)
			}
		default:
			t.Errorf("%q is a %v", p, info.Mode())
		}
		if info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) != 0 {
			t.Errorf("%q has the mode %v", p, info.Mode())
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
		archive []byte
		opts    ExtractOptions
		want    map[string]string
	}{
		"dot slash names": {
			archive: tarball(item{name: "./"}, item{name: "./a/", mode: 0o755}, file("./a/b")),
			want:    map[string]string{"a": "drwxr-xr-x", "a/b": "-rw-r--r-- content of ./a/b"}},
		"missing parents": {
			archive: tarball(file("x/y/z")),
			want:    map[string]string{"x": "drwxr-xr-x", "x/y": "drwxr-xr-x", "x/y/z": "-rw-r--r-- content of x/y/z"}},
		"repeated directory": {
			archive: tarball(item{name: "a/", mode: 0o700}, item{name: "a/", mode: 0o711}),
			want:    map[string]string{"a": "drwx--x--x"}},
		"no bits beyond permissions": {
			archive: tarball(item{name: "f", mode: 0o7777}, item{name: "d/", mode: 0o7000}, item{name: "g", mode: 0o002}),
			want:    map[string]string{"f": "-rwxrwxrwx ", "d": "drwx------", "g": "-r------w- "}},
		"links": {
			archive: tarball(file("a/f"), symlinkTo("a/l", "../b/c"), symlinkTo("dangling", "nowhere"),
				item{name: "h", link: "a/f", typeflag: '1'}, symlinkTo("up", "a/../a/f")),
			want: map[string]string{"a": "drwxr-xr-x", "a/f": "-rw-r--r-- content of a/f", "a/l": "-> ../b/c",
				"dangling": "-> nowhere", "h": "-rw-r--r-- content of a/f", "up": "-> a/../a/f"}},
		"directory of v7": {
			archive: tarball(item{name: "a/", typeflag: '0', mode: 0o755}), want: map[string]string{"a": "drwxr-xr-x"}},
		"no end":            {archive: file("a").bytes(), want: map[string]string{"a": "-rw-r--r-- content of a"}},
		"nothing":           {archive: nil, want: map[string]string{}},
		"padding":           {archive: append(tarball(file("a")), make([]byte, 9000)...), want: map[string]string{"a": "-rw-r--r-- content of a"}},
		"header of git":     {archive: tarball(item{name: "g", typeflag: 'g', body: "20 comment=abcdefgh\n"}, file("a")), want: map[string]string{"a": "-rw-r--r-- content of a"}},
		"gzip members":      {archive: append(gzipped(tarball(file("a"))[:512]), gzipped(tarball(file("a"))[512:])...), want: map[string]string{"a": "-rw-r--r-- content of a"}},
		"skippable frame":   {archive: append([]byte("\x51\x2a\x4d\x18\x02\x00\x00\x00hi"), zstdOf(tarball(file("a")))...), want: map[string]string{"a": "-rw-r--r-- content of a"}},
		"record deletes":    {archive: tarball(item{name: "a", body: "x", pax: map[string]string{"path": ""}}), want: map[string]string{"a": "-rw-r--r-- x"}},
		"exact names":       {archive: tarball(file("A"), file("a"), file(`b\x2dc`)), opts: limited(Limits{Exact: true}), want: map[string]string{"A": "-rw-r--r-- content of A", "a": "-rw-r--r-- content of a", `b\x2dc`: `-rw-r--r-- content of b\x2dc`}},
		"within":            {archive: tarball(item{name: "d/", mode: 0o755}, file("d/e/f")), opts: ExtractOptions{ReadOptions: ReadOptions{Within: "d/e"}}, want: map[string]string{"d": "drwxr-xr-x", "d/e": "drwxr-xr-x", "d/e/f": "-rw-r--r-- content of d/e/f"}},
		"sparse":            {archive: sparse10("20", extent{2, 4}, extent{10, 4}), want: map[string]string{"s": "-rw-r--r-- \x00\x001234\x00\x00\x00\x005678\x00\x00\x00\x00\x00\x00"}},
		"sparse as a whole": {archive: sparse10("8", extent{0, 8}), opts: ExtractOptions{Digests: true}, want: map[string]string{"s": "-rw-r--r-- 12345678"}},
		"places": {
			archive: tarball(item{name: "volume-data/", mode: 0o755}, file("volume-data/a"), file("bin/sh")),
			opts: ExtractOptions{Place: func(name string) (string, error) {
				if name == "volume-data" {
					return ".", nil
				}
				if rest, ok := strings.CutPrefix(name, "volume-data/"); ok {
					return rest, nil
				}
				return "", ErrSkip
			}},
			want: map[string]string{"a": "-rw-r--r-- content of volume-data/a"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := snapshot(t, unpack(t, test.archive, test.opts))
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

// FuzzExtract holds that nothing is written outside, whatever the archive, and that what is accepted means the same to
// archive/tar.
func FuzzExtract(f *testing.F) {
	f.Add(tarball(file("a"), item{name: "d/"}, symlinkTo("d/l", "../a"), item{name: "h", link: "a", typeflag: '1'}))
	f.Add(tarball(symlinkTo("l", "../victim"), file("l/secret")))
	f.Add(tarball(item{name: "x", body: "1", pax: map[string]string{"path": "long/name", "SCHILY.xattr.user.a": "b"}}))
	f.Add(tarball(item{name: "x", typeflag: 'L', body: "name\x00"}, file("y")))
	f.Add(sparse10("20", extent{2, 4}, extent{10, 4}))
	f.Add(tarball(item{name: "S", typeflag: 'S', body: "1234", change: func(b *headerBlock) {
		copy(b[257:265], "ustar  \x00")
		copy(b[386:], "00000000004\x0000000000004\x00")
		copy(b[483:], "00000000010\x00")
	}}))
	f.Add(gzipped(tarball(file("a"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = mendChecksums(b)
		limits := Limits{MaxSize: 1 << 20, MaxFiles: 100, MaxRatio: 100}
		err := extractBeside(t, b, limited(limits))
		if again := rewriteAs(t, limited(limits), b); (err == nil || errors.Is(err, ErrUnsafe)) && (err == nil) != (again == nil) {
			t.Errorf("unpacking gives %v, rewriting %v", err, again)
		}
		if err != nil || sniff(b[:min(4, len(b))]) != None {
			return
		}
		compareReaders(t, b)
	})
}

// mendChecksums lets mutated headers through to what is behind the checksum.
func mendChecksums(b []byte) []byte {
	b = bytes.Clone(b)
	for at := 0; at+blockSize <= len(b); at += blockSize {
		block := (*headerBlock)(b[at : at+blockSize])
		if strings.HasPrefix(block.magic(), "ustar") {
			fixChecksum(block)
		}
	}
	return b
}

// compareReaders wants archive/tar to read the same names, targets and contents, or to refuse.
func compareReaders(t *testing.T, b []byte) {
	theirs := tar.NewReader(bytes.NewReader(b))
	err := Read(t.Context(), bytes.NewReader(b), ReadOptions{}, func(h *Header, content io.Reader) error {
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
		t.Errorf("archive/tar has one more: %q", h.Name)
	}
}

func compareEntries(h *Header, content io.Reader, other *tar.Header, theirs io.Reader) error {
	symlink := h.Mode.Type() == fs.ModeSymlink
	if clean(other.Name) != h.Name || other.Size != h.Size || symlink && other.Linkname != h.Link ||
		h.HardLink() && clean(other.Linkname) != h.Link {
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
