package archive_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/compress"
	"github.com/davit-oci/davit/internal/archive/extract"
	"github.com/davit-oci/davit/internal/archive/read"
)

// TestDecompressionErrors checks that an error of the underlying reader is returned, and that truncated data is refused.
func TestDecompressionErrors(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection lost")
	for _, kind := range []compress.Compression{compress.None, compress.Gzip, compress.Zstd} {
		packed := pack(t, goldenTree(), kind)
		broken := io.MultiReader(bytes.NewReader(packed[:len(packed)/2]), failing{lost})
		if err := extract.Extract(t.Context(), broken, openRoot(t, t.TempDir()), extract.Options{}); !errors.Is(err, lost) {
			t.Errorf("%q: got %v, want the reader's error", string(kind), err)
		}
		cut := bytes.NewReader(packed[:len(packed)/2])
		if err := extract.Extract(t.Context(), cut, openRoot(t, t.TempDir()), extract.Options{}); !errors.Is(err, archive.ErrUnsafe) {
			t.Errorf("%q: got %v, want a refusal", string(kind), err)
		}
	}
	if _, err := compress.NewReader(failing{lost}); !errors.Is(err, lost) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

// failing is a reader that returns an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestWindow checks that a frame is refused if it requires more memory than the zstd command would use.
func TestWindow(t *testing.T) {
	t.Parallel()
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0x12 << 3, 3, 0, 0, 'x'} // a window of 256 MiB
	err := read.Each(t.Context(), bytes.NewReader(frame), read.Options{}, func(*read.Header, io.Reader) error { return nil })
	if !errors.Is(err, archive.ErrUnsafe) {
		t.Errorf("got %v, want a refusal", err)
	}
}
