package fetch

import (
	"context"
	"errors"
	"io"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/compress"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// VerifiedFirst is the maximum size of a layer that is read into memory and verified before it is used. From a larger
	// one, only the needed parts are fetched where that is possible, and they are not verified.
	VerifiedFirst = 32 << 20
	// LeastRange is the size of the smallest request. Most headers fit into it, and little else is fetched.
	LeastRange = 64 << 10
	// mostRange is the size of the largest request, which is reached if every part was useful.
	mostRange = 4 << 20
)

// Ranger is implemented by sources that can read a part of a blob, which is not verified.
type Ranger interface {
	FetchRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error)
}

// isPlainTar reports whether a tar is not compressed. It reads the beginning of the blob, and seeks back.
func isPlainTar(blob *RangeReader) (bool, error) {
	r, err := compress.NewReader(OnlyReader{blob})
	if errors.Is(err, archive.ErrUnsafe) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.Close()
	_, err = blob.Seek(0, io.SeekStart)
	return r.Compression() == compress.None, err
}

// RangeReader reads a blob in parts. Nothing is verified.
type RangeReader struct {
	ctx    context.Context
	src    Ranger
	desc   ocispec.Descriptor
	offset int64 // of the next byte
	part   []byte
	begin  int64 // offset of the part
	length int64 // of the last request, before it was limited by the size
	useful bool  // reading continued in the part after a seek, or reached its end
}

func newRangeReader(ctx context.Context, src Ranger, desc ocispec.Descriptor) *RangeReader {
	return &RangeReader{ctx: ctx, src: src, desc: desc}
}

// has reports whether the part contains the byte at an offset.
func (r *RangeReader) has(offset int64) bool {
	return offset >= r.begin && offset < r.begin+int64(len(r.part))
}

// Read implements io.Reader. It may request a part.
func (r *RangeReader) Read(p []byte) (int, error) {
	if r.offset >= r.desc.Size {
		return 0, io.EOF
	}
	if !r.has(r.offset) {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.part[r.offset-r.begin:])
	r.offset += int64(n)
	r.useful = r.useful || !r.has(r.offset)
	return n, nil
}

// fill requests the next part. If the last one was useful, the next is twice as long.
func (r *RangeReader) fill() error {
	if r.useful {
		r.length = min(2*r.length, mostRange)
	} else {
		r.length = LeastRange
	}
	part := make([]byte, min(r.length, r.desc.Size-r.offset))
	rc, err := r.src.FetchRange(r.ctx, r.desc, r.offset, int64(len(part)))
	if err != nil {
		return err
	}
	defer rc.Close()
	if _, err := io.ReadFull(rc, part); err != nil {
		return err
	}
	r.part, r.begin, r.useful = part, r.offset, false
	return nil
}

// Seek implements io.Seeker. It requests nothing.
func (r *RangeReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.desc.Size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start of the blob")
	}
	r.useful = offset > r.offset && (r.useful || r.has(offset)) // reading the same bytes again is not useful
	r.offset = offset
	return offset, nil
}
