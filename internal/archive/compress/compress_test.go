package compress

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

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

func compress(t testing.TB, c *Writer, out *bytes.Buffer, data []byte, piece int) []byte {
	t.Helper()
	out.Reset()
	c.Reset(out)
	for len(data) > 0 {
		n := min(piece, len(data))
		if _, err := c.Write(data[:n]); err != nil {
			t.Fatal(err)
		}
		data = data[n:]
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(out.Bytes())
}

// TestCompressor checks that the output does not depend on the size of the pieces, on the number of cores, and on earlier use of
// the Writer, and that a Reader returns the input.
func TestCompressor(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for _, kind := range []Compression{None, Gzip, Zstd} {
		for _, size := range []int{0, 1, gzipBlock - 1, gzipBlock, 2 * zstdBlock, 3*zstdBlock + 5} {
			data := mixed(size)
			var first []byte
			for _, cores := range []int{2, 1, 7} {
				runtime.GOMAXPROCS(cores)
				var out bytes.Buffer
				c, err := NewWriter(&out, kind)
				if err != nil {
					t.Fatal(err)
				}
				for _, piece := range []int{100_000, 1 << 20, size + 1} {
					got := compress(t, c, &out, data, piece)
					if first == nil {
						first = got
					}
					if !bytes.Equal(got, first) {
						t.Errorf("%q: %d bytes in pieces of %d on %d cores: the output differs", string(kind), size, piece, cores)
					}
				}
			}
			r, err := NewReader(bytes.NewReader(first))
			if err != nil {
				t.Fatal(err)
			}
			back, err := io.ReadAll(r)
			if found := r.Compression(); err != nil || found != kind || !bytes.Equal(back, data) {
				t.Errorf("%q: got %d bytes of %q, %v, want %d bytes", string(kind), len(back), string(found), err, size)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestOtherDecodersReadOutput checks that package compress/gzip and the commands gzip and zstd can read the output.
func TestOtherDecodersReadOutput(t *testing.T) {
	t.Parallel()
	data := mixed(5 << 20)
	var out bytes.Buffer
	c, err := NewWriter(&out, Gzip)
	if err != nil {
		t.Fatal(err)
	}
	zr, err := gzip.NewReader(bytes.NewReader(compress(t, c, &out, data, 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	zr.Multistream(false)
	if got, err := io.ReadAll(zr); err != nil || !bytes.Equal(got, data) {
		t.Errorf("compress/gzip: got %d bytes in the first member, %v, want %d", len(got), err, len(data))
	}
	if !zr.ModTime.IsZero() || zr.Name != "" || zr.OS != 255 {
		t.Errorf("got header %+v, want no time, no name, and OS 255", zr.Header)
	}
	for kind, command := range map[Compression]string{Gzip: "gzip", Zstd: "zstd"} {
		if _, err := exec.LookPath(command); err != nil {
			continue
		}
		c, err := NewWriter(&out, kind)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), command, "-dc")
		cmd.Stdin = bytes.NewReader(compress(t, c, &out, data, 1<<20))
		if got, err := cmd.Output(); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: got %d bytes, %v, want %d", command, len(got), err, len(data))
		}
	}
}

func TestCompressorFails(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	for _, kind := range []Compression{Gzip, Zstd} {
		c, err := NewWriter(writerFunc(func([]byte) (int, error) { return 0, full }), kind)
		if err != nil {
			t.Fatal(err)
		}
		_, writeErr := c.Write(make([]byte, 40<<20))
		if err := c.Close(); !errors.Is(writeErr, full) || !errors.Is(err, full) {
			t.Errorf("%q: got %v and %v, want the writer's error", string(kind), writeErr, err)
		}
		var out bytes.Buffer
		compress(t, c, &out, mixed(1<<20), 1<<20) // continues after Reset
		if _, err := c.Write([]byte("x")); err == nil {
			t.Errorf("%q: Write after Close: got no error, want one", string(kind))
		}
	}
	if _, err := NewWriter(io.Discard, "lzma"); err == nil {
		t.Error("lzma: got no error, want one")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
