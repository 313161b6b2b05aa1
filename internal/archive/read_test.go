package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/compress"
	"github.com/davit-oci/davit/internal/archive/extract"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/archive/write"
)

// countingSeeker counts the bytes that are read.
type countingSeeker struct {
	io.ReadSeeker
	n int
}

func (c *countingSeeker) Read(p []byte) (int, error) {
	n, err := c.ReadSeeker.Read(p)
	c.n += n
	return n, err
}

func TestReadInPlace(t *testing.T) {
	t.Parallel()
	content := mixed(2 << 20)
	packed := pack(t, write.Tree{FS: fstest.MapFS{
		"a": {Data: content}, "b": {Data: content}, "c/small": {Data: []byte("small")}, "d": {Data: content},
	}}, compress.None)
	src := &countingSeeker{ReadSeeker: bytes.NewReader(packed)}
	err := read.Each(t.Context(), src, read.Options{}, func(h *read.Header, r io.Reader) error {
		if h.Name == "c/small" {
			if got, err := io.ReadAll(r); err != nil || string(got) != "small" {
				t.Errorf("got %q, %v", got, err)
			}
		}
		if h.Name == "d" && !bytes.Equal(packed[h.Offset:h.Offset+h.Size], content) {
			t.Errorf("the content of %q is not at the offset %d", h.Name, h.Offset)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if src.n > 200_000 {
		t.Errorf("read %d of %d bytes, want at most 200,000", src.n, len(packed))
	}
	cut := bytes.NewReader(packed[:len(packed)-1<<20])
	if err := read.Each(t.Context(), cut, read.Options{}, func(*read.Header, io.Reader) error { return nil }); !errors.Is(err, archive.ErrUnsafe) {
		t.Errorf("cut archive: got %v, want a refusal", err)
	}
}

func TestReadStops(t *testing.T) {
	t.Parallel()
	packed := pack(t, goldenTree(), compress.Zstd)
	own := errors.New("own")
	for want, returned := range map[error]error{nil: fs.SkipAll, own: own} {
		n := 0
		err := read.Each(t.Context(), bytes.NewReader(packed), read.Options{}, func(*read.Header, io.Reader) error { n++; return returned })
		if !errors.Is(err, want) || n != 1 {
			t.Errorf("got %v after %d entries, want %v after one", err, n, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := read.Each(ctx, bytes.NewReader(packed), read.Options{}, func(*read.Header, io.Reader) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if err := extract.Extract(ctx, bytes.NewReader(packed), openRoot(t, t.TempDir()), extract.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestSparseContent(t *testing.T) {
	t.Parallel()
	want := "\x00\x001234\x00\x00\x00\x005678\x00\x00\x00\x00\x00\x00"
	err := read.Each(t.Context(), bytes.NewReader(sparse10("20", archive.Extent{2, 4}, archive.Extent{10, 4})), read.Options{},
		func(h *read.Header, r io.Reader) error {
			got, err := io.ReadAll(r)
			if string(got) != want || h.Size != 20 || h.Offset != -1 {
				t.Errorf("got %q, size %d, offset %d, want %q, 20, -1", got, h.Size, h.Offset, want)
			}
			return err
		})
	if err != nil {
		t.Error(err)
	}
}

// TestExtractConcurrently unpacks the archives of one tree at the same time, and checks the tree and the calls of Placed.
func TestExtractConcurrently(t *testing.T) {
	t.Parallel()
	src := randomTree(t, rand.New(rand.NewPCG(11, 12)), 400)
	tree := write.Tree{FS: openRoot(t, src).FS()}
	entries, err := tree.Walk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]extract.Placed)
	dst := t.TempDir()
	x := extract.New(openRoot(t, dst), extract.Options{Digests: true, Placed: func(p extract.Placed) { found[p.Name] = p }})
	var wait sync.WaitGroup
	for _, group := range tree.SplitBySize(entries, 300_000) {
		packed := packEntries(t, tree, group, compress.Gzip)
		wait.Go(func() {
			if err := x.Extract(t.Context(), bytes.NewReader(packed)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	compareTrees(t, dst, src)
	if len(found) != len(entries) {
		t.Errorf("Placed was called for %d entries, want %d", len(found), len(entries))
	}
	for _, e := range entries {
		p := found[e.Name]
		if p.Size != e.Size || p.Mode.Type() != e.Mode.Type() || p.Link != e.Link {
			t.Errorf("got %+v, want %+v", p, e)
		}
		if e.Mode.IsRegular() {
			b, err := os.ReadFile(filepath.Join(src, e.Name))
			if err != nil || sha256.Sum256(b) != p.Digest {
				t.Errorf("%q: digest %x, %v", e.Name, p.Digest, err)
			}
		}
	}
}

// TestExtractOverExistingFiles checks that extracting over existing files fails and does not change them.
func TestExtractOverExistingFiles(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(dst, outside string) error{
		"file":             func(dst, _ string) error { return os.WriteFile(filepath.Join(dst, "f"), []byte("old"), 0o600) },
		"link to a file":   func(dst, outside string) error { return os.Symlink(outside, filepath.Join(dst, "f")) },
		"dangling link":    func(dst, outside string) error { return os.Symlink(outside+"-new", filepath.Join(dst, "f")) },
		"link in the path": func(dst, outside string) error { return os.Symlink(filepath.Dir(outside), filepath.Join(dst, "d")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			dst, outside := filepath.Join(top, "dst"), filepath.Join(top, "outside")
			err := errors.Join(os.Mkdir(dst, 0o755), os.WriteFile(outside, []byte("old"), 0o600), put(dst, outside))
			if err != nil {
				t.Fatal(err)
			}
			before := snapshot(t, top)
			err = extract.Extract(t.Context(), bytes.NewReader(tarball(file("d/outside"), file("f"))), openRoot(t, dst), extract.Options{})
			if err == nil {
				t.Error("got no error, want one")
			}
			after := snapshot(t, top)
			for name, about := range before {
				if after[name] != about {
					t.Errorf("%q: got %q, want %q", name, after[name], about)
				}
			}
		})
	}
}

func TestHardLinkToExcludedFile(t *testing.T) {
	t.Parallel()
	packed := tarball(file("a"), item{name: "b", link: "a", typeflag: '1'})
	err := extract.Extract(t.Context(), bytes.NewReader(packed), openRoot(t, t.TempDir()), extract.Options{
		Place: func(name string) (string, error) {
			if name == "a" {
				return "", archive.ErrSkip
			}
			return name, nil
		}})
	if err == nil || errors.Is(err, archive.ErrUnsafe) {
		t.Errorf("got %v, want an error other than ErrUnsafe", err)
	}
}

// TestSmallFilesAreNotABomb checks that many small files do not exceed the limit on the ratio, although they compress well.
func TestSmallFilesAreNotABomb(t *testing.T) {
	t.Parallel()
	items := make([]item, 0, 3000)
	for i := range 3000 {
		items = append(items, item{name: fmt.Sprintf("file%04d", i), body: "{}"})
	}
	packed := gzipped(tarball(items...))
	if ratio := 3000 * 1024 / len(packed); ratio < 50 {
		t.Fatalf("got a ratio of %d, want at least 50", ratio)
	}
	for name, limits := range map[string]archive.Limits{"default": {}, "none": {-1, -1, -1, false}, "ratio": {MaxRatio: 2}} {
		opts := read.Options{Limits: limits}
		if err := read.Each(t.Context(), bytes.NewReader(packed), opts, func(*read.Header, io.Reader) error { return nil }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// mixed returns text, noise, and zeros.
func mixed(n int) []byte {
	r := rand.New(rand.NewPCG(9, 9))
	b := make([]byte, 0, n+64)
	for len(b) < n {
		switch r.IntN(3) {
		case 0:
			b = append(b, strings.Repeat(fmt.Sprint("text ", r.IntN(1000)), 20)...)
		case 1:
			for range 200 {
				b = append(b, byte(r.Uint32()))
			}
		default:
			b = append(b, make([]byte, 300)...)
		}
	}
	return b[:n]
}
