package compress_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/compress"
)

// frame returns a zstd frame that requires a window of 1 << log bytes and has n blocks of zeros (RFC 8878).
func frame(log byte, n int) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3}
	for i := range n {
		last := byte(0)
		if i == n-1 {
			last = 1
		}
		const size = 128 << 10 // RLE blocks
		b = append(b, last|1<<1|byte(size<<3&0xff), byte(size<<3>>8&0xff), byte(size<<3>>16), 0)
	}
	return b
}

// TestWindows checks that the memory of a large window is freed before the next layer is read, and that a larger window is refused.
func TestWindows(t *testing.T) {
	for range 6 {
		r, err := compress.NewReader(bytes.NewReader(frame(27, 1200)))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); err != nil || n != 1200*128<<10 {
			t.Fatalf("got %d bytes, %v, want %d", n, err, 1200*128<<10)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapAlloc > 100<<20 {
			t.Errorf("got %d MiB in use after a layer, want at most 100", m.HeapAlloc>>20)
		}
	}
	r, err := compress.NewReader(bytes.NewReader(frame(28, 1)))
	if err == nil {
		_, err = r.Read(make([]byte, 1))
	}
	if !errors.Is(err, archive.ErrUnsafe) {
		t.Errorf("a window of 256 MiB: got %v, want a refusal", err)
	}
}
