package pull

import (
	"context"
	"errors"
	"io"

	"github.com/davit-oci/davit/internal/archive"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// rangedFrom is the size from which asking for parts of a blob beats reading all of it.
	rangedFrom = 4 << 20
	// rangeSize is how much is asked for at once: some hundred headers of small files in a row, and little of a large
	// file after its header.
	rangeSize = 64 << 10
)

// isPlainTar looks at the beginning of a blob.
func isPlainTar(ctx context.Context, src Ranger, desc ocispec.Descriptor) (bool, error) {
	r, kind, err := archive.NewDecompressor(onlyReader{newRangeReader(ctx, src, desc)})
	if err != nil {
		if errors.Is(err, archive.ErrUnsafe) {
			return false, nil
		}
		return false, err
	}
	r.Close()
	return kind == archive.None, nil
}

// rangeReader reads a blob by its parts. Nothing is verified.
type rangeReader struct {
	ctx    context.Context
	src    Ranger
	desc   ocispec.Descriptor
	offset int64
	buf    []byte // from offset on
}

func newRangeReader(ctx context.Context, src Ranger, desc ocispec.Descriptor) *rangeReader {
	return &rangeReader{ctx: ctx, src: src, desc: desc}
}

func (r *rangeReader) Read(p []byte) (int, error) {
	if len(r.buf) == 0 {
		if r.offset >= r.desc.Size {
			return 0, io.EOF
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf)
	r.buf, r.offset = r.buf[n:], r.offset+int64(n)
	return n, nil
}

func (r *rangeReader) fill() error {
	length := min(rangeSize, r.desc.Size-r.offset)
	rc, err := r.src.FetchRange(r.ctx, r.desc, r.offset, length)
	if err != nil {
		return err
	}
	defer rc.Close()
	buf := make([]byte, length)
	if _, err := io.ReadFull(rc, buf); err != nil {
		return err
	}
	r.buf = buf
	return nil
}

// Seek moves without reading; what is in the buffer already is kept.
func (r *rangeReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.desc.Size
	}
	if offset < 0 {
		return 0, errors.New("seeking before the beginning")
	}
	if ahead := offset - r.offset; ahead >= 0 && ahead < int64(len(r.buf)) {
		r.buf = r.buf[ahead:]
	} else {
		r.buf = nil
	}
	r.offset = offset
	return offset, nil
}
