//go:build unix

package archive_test

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/archive/compress"
	"github.com/davit-oci/davit/internal/archive/write"
)

// TestSameDigest checks that the archive does not depend on the permissions of groups and others, times, the umask, the order in
// which files were created, and the number of cores.
func TestSameDigest(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	names := []string{"x", "dir/y", "dir/z", "dir/sub/big", "a"}
	build := func(seed uint64) []byte {
		top := t.TempDir()
		r := rand.New(rand.NewPCG(seed, seed))
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			full := filepath.Join(top, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(full), fs.FileMode(0o700|r.IntN(0o100))); err != nil {
				t.Fatal(err)
			}
			content := bytes.Repeat([]byte(name), 1+len(name)*30_000)
			if err := os.WriteFile(full, content, fs.FileMode(0o600|r.IntN(0o100))); err != nil {
				t.Fatal(err)
			}
			when := time.Unix(r.Int64N(2e9), r.Int64N(1e9))
			if err := os.Chtimes(full, when, when); err != nil {
				t.Fatal(err)
			}
		}
		syscall.Umask(int(seed) * 9 % 0o77)
		return slices.Concat(pack(t, write.Tree{FS: openRoot(t, top).FS()}, compress.Gzip), pack(t, write.Tree{FS: os.DirFS(top)}, compress.Zstd))
	}
	first := build(0)
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for seed := range uint64(6) {
		runtime.GOMAXPROCS(1 + int(seed)*3%8)
		if !bytes.Equal(build(seed), first) {
			t.Fatalf("seed %d: the archives differ", seed)
		}
	}
}
