package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/compress"
	"github.com/davit-oci/davit/internal/archive/extract"
	"github.com/davit-oci/davit/internal/archive/write"
)

// openRoot opens a directory that is closed when the test ends.
func openRoot(t testing.TB, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// pack walks and writes a tree.
func pack(t testing.TB, tree write.Tree, c compress.Compression) []byte {
	t.Helper()
	entries, err := tree.Walk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return packEntries(t, tree, entries, c)
}

func packEntries(t testing.TB, tree write.Tree, entries []write.Entry, c compress.Compression) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := compress.NewWriter(&b, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Write(t.Context(), w, entries); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpack extracts an archive into a new directory.
func unpack(t testing.TB, packed []byte, opts extract.Options) string {
	t.Helper()
	dir := t.TempDir()
	if err := extract.Extract(t.Context(), bytes.NewReader(packed), openRoot(t, dir), opts); err != nil {
		t.Fatal(err)
	}
	return dir
}

// randomTree creates a directory with files of many sizes, empty directories, links, and unusual names.
func randomTree(t testing.TB, r *rand.Rand, files int) string {
	t.Helper()
	top := t.TempDir()
	dirs := []string{"."}
	for i := range files {
		parent := dirs[r.IntN(len(dirs))]
		name := filepath.Join(parent, randomName(r, i))
		full := filepath.Join(top, name)
		var err error
		switch r.IntN(8) {
		case 0, 1:
			err = os.Mkdir(full, 0o755)
			dirs = append(dirs, name)
		case 2:
			target, relErr := filepath.Rel(parent, dirs[r.IntN(len(dirs))])
			if relErr != nil {
				t.Fatal(relErr)
			}
			err = os.Symlink(filepath.ToSlash(target), full)
		default:
			err = os.WriteFile(full, randomContent(r), 0o644|fs.FileMode(r.IntN(2)*0o111))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return top
}

func randomName(r *rand.Rand, i int) string {
	stems := []string{"a", "b-", "файл", "naïve name", "x.y", strings.Repeat("long", 30), "~", "!", "日本"}
	return fmt.Sprintf("%s%d", stems[r.IntN(len(stems))], i)
}

func randomContent(r *rand.Rand) []byte {
	sizes := []int{0, 1, 511, 512, 513, 4096, archive.SmallFile - 1, archive.SmallFile, archive.SmallFile + 1, 300_000}
	b := make([]byte, sizes[r.IntN(len(sizes))])
	for i := range b {
		b[i] = byte(r.IntN(7)) * byte(i>>8)
	}
	return b
}

// snapshot describes the files below a directory: types, modes, contents, and link targets.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, p)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case name == ".":
		case d.IsDir():
			found[name] = info.Mode().String()
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(p)
			found[name] = "-> " + target
			return err
		default:
			b, err := os.ReadFile(p)
			found[name] = info.Mode().String() + " " + string(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// compareTrees compares two directories.
func compareTrees(t testing.TB, got, want string) {
	t.Helper()
	g, w := snapshot(t, got), snapshot(t, want)
	if maps.Equal(g, w) {
		return
	}
	for name := range w {
		if g[name] != w[name] {
			t.Errorf("%q: got %.60q, want %.60q", name, g[name], w[name])
		}
	}
	for name := range g {
		if _, ok := w[name]; !ok {
			t.Errorf("%q: not in the original", name)
		}
	}
	t.FailNow()
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		c := []compress.Compression{compress.None, compress.Gzip, compress.Zstd}[seed%3]
		t.Run(fmt.Sprintf("seed %d %q", seed, string(c)), func(t *testing.T) {
			t.Parallel()
			src := randomTree(t, rand.New(rand.NewPCG(seed, 0)), 120)
			tree := write.Tree{FS: openRoot(t, src).FS()}
			packed := pack(t, tree, c)
			compareTrees(t, unpack(t, packed, extract.Options{}), src)
			again := pack(t, write.Tree{FS: openRoot(t, unpack(t, packed, extract.Options{Digests: true})).FS()}, c)
			if !bytes.Equal(again, packed) {
				t.Fatal("packing the unpacked tree creates a different archive")
			}
		})
	}
}

func TestRoundTripInGroups(t *testing.T) {
	t.Parallel()
	src := randomTree(t, rand.New(rand.NewPCG(7, 7)), 300)
	tree := write.Tree{FS: openRoot(t, src).FS()}
	entries, err := tree.Walk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	groups := tree.SplitBySize(entries, 500_000)
	if len(groups) < 5 {
		t.Fatalf("got %d groups, want at least 5", len(groups))
	}
	dst := t.TempDir()
	x := extract.New(openRoot(t, dst), extract.Options{})
	for _, group := range groups {
		if err := x.Extract(context.Background(), bytes.NewReader(packEntries(t, tree, group, compress.Zstd))); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	compareTrees(t, dst, src)
}
