package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/compress"
	"github.com/davit-oci/davit/internal/archive/write"
)

// goldenTree returns a tree in memory with files of several types, sizes, and modes.
func goldenTree() write.Tree {
	big := make([]byte, 3<<20)
	for i := range big {
		big[i] = byte(i>>3) ^ byte(i>>12)
	}
	return write.Tree{FS: fstest.MapFS{
		"b.txt":      {Data: []byte("b\n"), Mode: 0o600, ModTime: time.Unix(1e9, 5)},
		"a/run":      {Data: []byte("#!/bin/sh\n"), Mode: 0o700},
		"a-b/empty":  {Mode: 0o666},
		"big":        {Data: big, Mode: 0o644},
		"долгое/имя": {Data: []byte("x"), Mode: 0o644},
		"link":       {Data: []byte("a/run"), Mode: fs.ModeSymlink | 0o777},
	}}
}

// TestGolden checks the bytes that every digest depends on. If it fails after an update of the compressor, every directory
// layer of every user gets a new digest: consider whether the update is worth that.
func TestGolden(t *testing.T) {
	t.Parallel()
	want := map[compress.Compression]string{
		compress.None: "cd43f7fdac60965fa7ff777f6925dbb8da29242ab185fd4b64d84e4e0e3bf937",
		compress.Gzip: "1baf8ad3528afa10ca2dfc8bf9cef3b22cd64240a073322fffd49dfb961aeb67",
		compress.Zstd: "8c9bc678109d79ff6c340d9ae421db8bf8a7ef517be47b7c3f9b004aea83b14e",
	}
	for c, digest := range want {
		got := fmt.Sprintf("%x", sha256.Sum256(pack(t, goldenTree(), c)))
		if got != digest {
			t.Errorf("%q: got %s, want %s", string(c), got, digest)
		}
	}
}

func TestNamesAndOrder(t *testing.T) {
	t.Parallel()
	mapFS := fstest.MapFS{
		"top/b/c/file": {}, "top/b-c": {}, "top/b.d": {}, "top/a": {}, "other": {}, "top/skip/x": {}, "top/x.tmp": {},
	}
	exclude := func(name string, dir bool) bool { return dir && name == "skip" || strings.HasSuffix(name, ".tmp") }
	tests := map[string]struct {
		tree write.Tree
		want string
	}{
		"directory":                         {write.Tree{Dir: "top", Exclude: exclude}, "a b/ b/c/ b/c/file b-c b.d"},
		"with root":                         {write.Tree{Dir: "top", Root: true, Exclude: exclude}, "./ a b/ b/c/ b/c/file b-c b.d"},
		"prefix":                            {write.Tree{Dir: "top/b", Prefix: "x/y/"}, "x/y/c/ x/y/c/file"},
		"prefix with root":                  {write.Tree{Dir: "top/b", Prefix: "x/y/", Root: true}, "x/ x/y/ x/y/c/ x/y/c/file"},
		"dot-slash prefix":                  {write.Tree{Dir: "top/b", Prefix: "./", Root: true}, "./ ./c/ ./c/file"},
		"dot-slash prefix with a directory": {write.Tree{Dir: "top/b", Prefix: "./x/", Root: true}, "./x/ ./x/c/ ./x/c/file"},
		"bare":                              {write.Tree{Dir: "top", Bare: true, Root: true, Exclude: exclude}, "a b/c/file b-c b.d"},
		"files":                             {write.Tree{Dir: "top", Files: []string{"top/b-c", "top/b/c/file", "top/b-c"}}, "b/ b/c/ b/c/file b-c"},
		"files with root": {write.Tree{Files: []string{"top/b/c/file"}, Root: true, Prefix: "p/"},
			"p/ p/top/ p/top/b/ p/top/b/c/ p/top/b/c/file"},
		"files and directories": {write.Tree{Files: []string{"top/b", "other"}}, "other top/ top/b/ top/b/c/ top/b/c/file"},
		"bare files":            {write.Tree{Files: []string{"top/b/c/file"}, Bare: true}, "top/b/c/file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.tree.FS = mapFS
			var got []string
			r := tar.NewReader(bytes.NewReader(pack(t, test.tree, compress.None)))
			for h, err := r.Next(); err == nil; h, err = r.Next() {
				got = append(got, h.Name)
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %q, want %q", strings.Join(got, " "), test.want)
			}
		})
	}
}

func TestWalkRefuses(t *testing.T) {
	t.Parallel()
	link := func(target string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
	}
	tests := map[string]struct {
		tree write.Tree
		want []string
	}{
		"socket":                            {write.Tree{FS: fstest.MapFS{"a/s": {Mode: fs.ModeSocket}}}, []string{`"a/s"`, "socket"}},
		"pipe":                              {write.Tree{FS: fstest.MapFS{"p": {Mode: fs.ModeNamedPipe}}}, []string{`"p"`, "pipe"}},
		"device":                            {write.Tree{FS: fstest.MapFS{"d": {Mode: fs.ModeDevice}}}, []string{`"d"`, "device"}},
		"link that leaves Dir":              {write.Tree{FS: fstest.MapFS{"d/l": link("../x"), "x": {}}, Dir: "d"}, []string{`"l"`, "leaves"}},
		"absolute link":                     {write.Tree{FS: fstest.MapFS{"l": link("/etc")}}, []string{`"l"`, "absolute"}},
		"link that leaves through a link":   {write.Tree{FS: fstest.MapFS{"a/b/c": {}, "s": link("a/b"), "l": link("s/../../../x/..")}}, []string{`"l"`, "leaves"}},
		"links in a circle":                 {write.Tree{FS: fstest.MapFS{"l": link("x/../l"), "x": link("l/../x")}}, []string{`"l"`, "40"}},
		"control character":                 {write.Tree{FS: fstest.MapFS{"a\rb": {}}}, []string{`"a\rb"`, "control"}},
		"not UTF-8":                         {write.Tree{FS: fstest.MapFS{"a\xe9": {}}}, []string{`"a\xe9"`, "UTF-8"}},
		"backslash":                         {write.Tree{FS: fstest.MapFS{`a\b`: {}}}, []string{`"a\\b"`, "backslash"}},
		"names that differ in Unicode form": {write.Tree{FS: fstest.MapFS{"caf\u00e9": {}, "cafe\u0301": {}}}, []string{"cafe", "form"}},
		"names that differ in case":         {write.Tree{FS: fstest.MapFS{"A/x": {}, "a/y": {}}}, []string{`"a"`, `"A"`, "case"}},
		"two problems":                      {write.Tree{FS: fstest.MapFS{"s": {Mode: fs.ModeSocket}, "p": {Mode: fs.ModeNamedPipe}}}, []string{`"s"`, `"p"`}},
		"file outside Dir":                  {write.Tree{FS: fstest.MapFS{"a": {}, "d/b": {}}, Dir: "d", Files: []string{"a"}}, []string{`"a"`, `"d"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.tree.Walk(t.Context())
			if !errors.Is(err, archive.ErrUnsafe) {
				t.Fatalf("got %v, want a refusal", err)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %q, want it to have %q", err, part)
				}
			}
		})
	}
}

func TestWalkLimitsReportedProblems(t *testing.T) {
	t.Parallel()
	fsys := make(fstest.MapFS)
	for i := range 100 {
		fsys[fmt.Sprintf("p%02d", i)] = &fstest.MapFile{Mode: fs.ModeNamedPipe}
	}
	_, err := write.Tree{FS: fsys}.Walk(t.Context())
	if err == nil || strings.Count(err.Error(), "\n") != 20 || !strings.HasSuffix(err.Error(), "and 80 more") {
		t.Errorf("got %v, want 20 problems and the number of the others", err)
	}
}

func TestLinksWithinTheTreeArePacked(t *testing.T) {
	t.Parallel()
	link := func(target string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
	}
	_, err := write.Tree{FS: fstest.MapFS{
		"d/a/b/c": {}, "d/s": link("a/b"), "d/l": link("s/../../a"), "d/dangling": link("none"), "d/self": link("self"),
		"d/a/top": link(".."), "d/a/b/up": link("../../s/c"),
	}, Dir: "d"}.Walk(t.Context())
	if err != nil {
		t.Error(err)
	}
}

func TestModTime(t *testing.T) {
	t.Parallel()
	tree := goldenTree()
	tree.ModTime = time.Unix(1700000000, 0)
	r := tar.NewReader(bytes.NewReader(pack(t, tree, compress.None)))
	for h, err := r.Next(); err == nil; h, err = r.Next() {
		if !h.ModTime.Equal(tree.ModTime) || h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" {
			t.Errorf("%q: got %v, want the time %v and no owner", h.Name, h, tree.ModTime)
		}
		if (h.Format != tar.FormatUSTAR) != (h.Name[0] > 0x7f) {
			t.Errorf("%q: got the format %v, want PAX only for names beyond ASCII", h.Name, h.Format)
		}
	}
}

// TestChanged checks that a file that changes between the walk and the write is refused.
func TestChanged(t *testing.T) {
	t.Parallel()
	for _, size := range []int{100, 1 << 20} {
		tests := map[string]func(name string) error{
			"longer":  func(name string) error { return os.WriteFile(name, make([]byte, size+1), 0o600) },
			"shorter": func(name string) error { return os.Truncate(name, int64(size-1)) },
			"touched": func(name string) error { return os.Chtimes(name, time.Time{}, time.Unix(5, 5)) },
			"replaced": func(name string) error {
				return errors.Join(os.WriteFile(name+"2", make([]byte, size), 0o600), os.Rename(name+"2", name))
			},
			"replaced by a link": func(name string) error { return errors.Join(os.Remove(name), os.Symlink("other", name)) },
		}
		for what, change := range tests {
			t.Run(fmt.Sprintf("%s %d", what, size), func(t *testing.T) {
				t.Parallel()
				top := t.TempDir()
				for _, name := range []string{"file", "other"} {
					if err := os.WriteFile(filepath.Join(top, name), make([]byte, size), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				tree := write.Tree{FS: openRoot(t, top).FS()}
				entries, err := tree.Walk(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if err := change(filepath.Join(top, "file")); err != nil {
					t.Fatal(err)
				}
				err = tree.Write(t.Context(), io.Discard, entries)
				if !errors.Is(err, archive.ErrChanged) || !strings.Contains(err.Error(), `"file"`) {
					t.Errorf("got %v, want ErrChanged with the name", err)
				}
			})
		}
	}
}

func TestChangedWhileRead(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	name := filepath.Join(top, "file")
	if err := os.WriteFile(name, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	tree := write.Tree{FS: openRoot(t, top).FS()}
	entries, err := tree.Walk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	changing := writerFunc(func(p []byte) (int, error) {
		return len(p), os.Chtimes(name, time.Time{}, time.Unix(7, 7))
	})
	if err := tree.Write(t.Context(), changing, entries); !errors.Is(err, archive.ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestWriteStops(t *testing.T) {
	t.Parallel()
	top := createTextTree(t, 500, 100)
	tree := write.Tree{FS: openRoot(t, top).FS()}
	entries, err := tree.Walk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	if err := tree.Write(t.Context(), writerFunc(func([]byte) (int, error) { return 0, full }), entries); !errors.Is(err, full) {
		t.Errorf("got %v, want the writer's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = tree.Write(ctx, writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil }), entries)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
