package compress

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"runtime"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/inflate"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is the largest window, in bytes, that a zstd frame may require: that of zstd --ultra -22, and the limit of the
// zstd command.
const maxWindow = 128 << 20

// usualWindow is the window size, in bytes, that RFC 8878 recommends every decoder to support.
const usualWindow = 8 << 20

// Reader decompresses an archive and distinguishes errors of the data from those of its source.
type Reader struct {
	kind  Compression
	src   source
	out   io.Reader
	close func()
}

// source counts the bytes read and remembers the error that ended reading.
type source struct {
	r   io.Reader
	n   int64
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// NewReader detects the compression of r by its first bytes. The Reader that it returns reads all members of gzip, all frames of
// zstd, or, if r is not compressed, r itself. Data that can't be decoded is an [*archive.UnsafeError]; errors of r are returned
// unchanged. Closing the Reader does not close r.
func NewReader(r io.Reader) (*Reader, error) {
	d := &Reader{src: source{r: r}, close: func() {}}
	br := bufio.NewReaderSize(&d.src, 64<<10)
	magic, err := br.Peek(MagicSize)
	if err != nil && err != io.EOF {
		return nil, err
	}
	d.kind, d.out = Detect(magic), br
	switch d.kind {
	case Gzip:
		zr, err := inflate.NewGzipReader(br)
		if err != nil {
			return nil, d.explain(err)
		}
		d.out = zr
	case Zstd:
		hasLargeWindow := hasLargeWindow(br)
		zr, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, d.explain(err)
		}
		d.out, d.close = zr, zr.Close
		if hasLargeWindow {
			d.close = func() {
				zr.Close()
				zr, d.out = nil, nil
				runtime.GC() // before the next layer needs another window
			}
		}
	}
	return d, nil
}

// hasLargeWindow reports whether the first frame requires a window larger than usualWindow.
func hasLargeWindow(br *bufio.Reader) bool {
	head, err := br.Peek(zstd.HeaderMaxSize)
	if err != nil && err != io.EOF {
		return false
	}
	var h zstd.Header
	return h.Decode(head) == nil && h.WindowSize > usualWindow
}

// MagicSize is the number of bytes that Detect needs.
const MagicSize = 4

// Detect returns the compression of a stream that begins with magic.
func Detect(magic []byte) Compression {
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return Gzip
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return Zstd
	case len(magic) == MagicSize && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:], []byte{0x2a, 0x4d, 0x18}):
		return Zstd // a skippable frame
	}
	return None
}

// Compression returns the detected compression.
func (d *Reader) Compression() Compression { return d.kind }

// InputBytes returns the number of bytes read from the source.
func (d *Reader) InputBytes() int64 { return d.src.n }

// Read reads decompressed bytes.
func (d *Reader) Read(p []byte) (int, error) {
	if d.out == nil {
		return 0, io.ErrClosedPipe
	}
	n, err := d.out.Read(p)
	return n, d.explain(err)
}

// Close frees the memory of the decompressor.
func (d *Reader) Close() error {
	d.close()
	return nil
}

// explain turns a decoding error into a refusal. It returns an error of the source unchanged.
func (d *Reader) explain(err error) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case d.src.err != nil:
		return d.src.err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return archive.Refuse("", "the %s data ends too early", d.kind)
	}
	return archive.Refuse("", "the %s data can't be decoded: %v", d.kind, err)
}
