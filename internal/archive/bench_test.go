package archive_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/archive/compress"
	"github.com/davit-oci/davit/internal/archive/extract"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/archive/write"
)

// createTextTree creates files of source-like text, a hundred to a directory, and returns the directory above them.
func createTextTree(t testing.TB, files, size int) string {
	t.Helper()
	top := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 3000)
	for i := range words {
		b := make([]byte, 2+r.IntN(9))
		for j := range b {
			b[j] = 'a' + byte(r.IntN(26))
		}
		words[i] = string(b)
	}
	var b bytes.Buffer
	for i := range files {
		if i%100 == 0 {
			if err := os.Mkdir(filepath.Join(top, fmt.Sprintf("dir%03d", i/100)), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		b.Reset()
		for want := size/2 + r.IntN(size); b.Len() < want; {
			fmt.Fprintf(&b, "%s %s(%d) ", words[int(r.ExpFloat64()*300)%len(words)], words[r.IntN(len(words))], r.IntN(100))
			if r.IntN(8) == 0 {
				b.WriteByte('\n')
			}
		}
		name := filepath.Join(top, fmt.Sprintf("dir%03d", i/100), fmt.Sprintf("file%05d.txt", i))
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

func benchmarkTree(b *testing.B) write.Tree {
	return write.Tree{FS: openRoot(b, createTextTree(b, 20_000, 10_300)).FS()}
}

func BenchmarkWalk(b *testing.B) {
	tree := benchmarkTree(b)
	for b.Loop() {
		if _, err := tree.Walk(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPack(b *testing.B) {
	tree := benchmarkTree(b)
	for _, c := range []compress.Compression{compress.None, compress.Gzip, compress.Zstd} {
		b.Run("as"+string(c), func(b *testing.B) {
			n := countingWriter(0)
			for b.Loop() {
				entries, err := tree.Walk(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				n = 0
				w, err := compress.NewWriter(&n, c)
				if err != nil {
					b.Fatal(err)
				}
				if err := tree.Write(b.Context(), w, entries); err != nil {
					b.Fatal(err)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/1e6, "MB")
		})
	}
}

type countingWriter int64

func (n *countingWriter) Write(p []byte) (int, error) {
	*n += countingWriter(len(p))
	return len(p), nil
}

func BenchmarkExtract(b *testing.B) {
	tree := benchmarkTree(b)
	for _, c := range []compress.Compression{compress.None, compress.Gzip, compress.Zstd} {
		packed := pack(b, tree, c)
		b.Run("from"+string(c), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				dir, err := os.MkdirTemp(b.TempDir(), "")
				if err != nil {
					b.Fatal(err)
				}
				root := openRoot(b, dir)
				b.StartTimer()
				if err := extract.Extract(b.Context(), bytes.NewReader(packed), root, extract.Options{}); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := os.RemoveAll(dir); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	packed := pack(b, benchmarkTree(b), compress.Zstd)
	for b.Loop() {
		err := read.Each(b.Context(), bytes.NewReader(packed), read.Options{}, func(*read.Header, io.Reader) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMillion packs and unpacks a million small files, and reports the memory for each of them.
func BenchmarkMillion(b *testing.B) {
	const files = 1_000_000
	top := b.TempDir()
	for i := range files {
		if i%1000 == 0 {
			if err := os.Mkdir(filepath.Join(top, fmt.Sprintf("directory%04d", i/1000)), 0o755); err != nil {
				b.Fatal(err)
			}
		}
		name := filepath.Join(top, fmt.Sprintf("directory%04d", i/1000), fmt.Sprintf("file%07d.json", i))
		if err := os.WriteFile(name, []byte("{}"), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("pack", func(b *testing.B) {
		tree := write.Tree{FS: openRoot(b, top).FS()}
		for b.Loop() {
			perFile := peakHeap(b, func() {
				entries, err := tree.Walk(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				w, err := compress.NewWriter(io.Discard, compress.Zstd)
				if err != nil {
					b.Fatal(err)
				}
				for _, group := range tree.Split(entries) {
					if err := tree.Write(b.Context(), w, group); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			})
			b.ReportMetric(perFile/files, "B/file")
		}
	})
	packed := pack(b, write.Tree{FS: openRoot(b, top).FS()}, compress.Zstd)
	b.Run("unpack", func(b *testing.B) {
		for b.Loop() {
			root := openRoot(b, b.TempDir())
			perFile := peakHeap(b, func() {
				if err := extract.Extract(b.Context(), bytes.NewReader(packed), root, extract.Options{}); err != nil {
					b.Fatal(err)
				}
			})
			b.ReportMetric(perFile/files, "B/file")
		}
	})
}

// peakHeap returns the number of bytes that the heap grows by while fn runs, garbage included.
func peakHeap(b *testing.B, fn func()) float64 {
	b.Helper()
	runtime.GC()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	before, peak := sample[0].Value.Uint64(), uint64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			metrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64())
			select {
			case <-ticker.C:
			case <-stop:
				return
			}
		}
	}()
	fn()
	close(stop)
	<-done
	return float64(peak - min(before, peak))
}
