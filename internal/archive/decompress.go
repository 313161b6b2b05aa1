package archive

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/davit-oci/davit/internal/inflate"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is the largest window a zstd frame may ask for, that of zstd --ultra -22 and the limit of the zstd command.
const maxWindow = 128 << 20

// NewDecompressor looks at the first bytes of r and gives the content: of gzip with all its members, of zstd with all
// its frames, or of r itself. It also says which it was. What can't be decoded is an UnsafeError, an error of r comes
// as it is. Closing the decompressor does not close r.
func NewDecompressor(r io.Reader) (io.ReadCloser, Compression, error) {
	d, err := newDecoder(r)
	if err != nil {
		return nil, None, err
	}
	return d, d.kind, nil
}

// decoder decompresses and keeps apart what is wrong with the data and what is wrong with its source.
type decoder struct {
	kind  Compression
	src   source
	out   io.Reader
	close func()
}

// source counts what is read, and remembers why it could not be.
type source struct {
	r   io.Reader
	n   int64
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func newDecoder(r io.Reader) (*decoder, error) {
	d := &decoder{src: source{r: r}, close: func() {}}
	br := bufio.NewReaderSize(&d.src, 64<<10)
	magic, err := br.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	d.kind, d.out = sniff(magic), br
	switch d.kind {
	case Gzip:
		zr, err := inflate.NewGzipReader(br)
		if err != nil {
			return nil, d.explain(err)
		}
		d.out = zr
	case Zstd:
		zr, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, d.explain(err)
		}
		d.out, d.close = zr, zr.Close
	}
	return d, nil
}

// sniff tells by the first four bytes how a stream is compressed.
func sniff(magic []byte) Compression {
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return Gzip
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return Zstd
	case len(magic) == 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:], []byte{0x2a, 0x4d, 0x18}):
		return Zstd // a skippable frame
	}
	return None
}

// Read gives decompressed bytes.
func (d *decoder) Read(p []byte) (int, error) {
	n, err := d.out.Read(p)
	return n, d.explain(err)
}

// Close frees what the decompressor holds.
func (d *decoder) Close() error {
	d.close()
	return nil
}

// explain turns an error of decoding into a refusal.
func (d *decoder) explain(err error) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case d.src.err != nil:
		return d.src.err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse("", "the %s data ends too early", d.kind)
	}
	return refuse("", "the %s data can't be decoded: %v", d.kind, err)
}
