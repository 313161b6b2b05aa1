// Package files copies, verifies, and sweeps the files of image layouts.
package files

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// copyBuffer is the number of bytes read and hashed at once.
	copyBuffer = 256 << 10
	// copyStep is the number of bytes that the kernel copies before they are hashed: large enough to be cheap, small
	// enough to be still in the cache when they are read.
	copyStep = 4 << 20
)

// Position is a place in a file to write to.
type Position struct {
	File   *os.File
	Offset int64
}

// Extent is a part of a file.
type Extent struct {
	File         *os.File
	Offset, Size int64
}

// Reader returns a reader of the extent. It leaves the offset of the file alone, so several can read at once.
func (e Extent) Reader() *io.SectionReader { return io.NewSectionReader(e.File, e.Offset, e.Size) }

// CheckDescriptor refuses a descriptor that no blob can have, before its digest becomes part of a path.
func CheckDescriptor(desc ocispec.Descriptor) error {
	if err := untrusted.CheckDigest(desc.Digest); err != nil {
		return artifact.Refused(untrusted.Line(desc.Digest.String(), 200), "digest: %w", err)
	}
	if desc.Size < 0 {
		return artifact.Refused(desc.Digest.String(), "a size of %d", desc.Size)
	}
	return nil
}

// checkContent compares the content read with the expected digest and size. An empty digest and a negative size match
// anything.
func checkContent(want ocispec.Descriptor, size int64, got digest.Digest) error {
	switch {
	case want.Size >= 0 && size != want.Size:
		return artifact.Refused(want.Digest.String(), "size mismatch: want %d bytes, got %s", want.Size, count(size, want.Size))
	case want.Digest != "" && got != want.Digest:
		return artifact.Refused(want.Digest.String(), "digest mismatch: got %s", got)
	}
	return nil
}

// count formats the number of bytes when reading stopped beyond the expected size.
func count(size, want int64) string {
	if size > want {
		return fmt.Sprintf("more than %d", want)
	}
	return fmt.Sprint(size)
}

// transfer copies an extent to dst and hashes the bytes in dst while the kernel copies the next ones. If the file
// system can clone, nothing is copied.
func transfer(ctx context.Context, dst Position, src Extent, h hash.Hash, report func(int64)) error {
	if dst.Offset == 0 && src.Offset == 0 && cloneFile(dst.File, src) {
		return HashExtent(ctx, Extent{dst.File, 0, src.Size}, h, 0, report)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	copied := make(chan int64, 4)
	failed := make(chan error, 1)
	go func() {
		defer close(copied)
		failed <- copyExtent(ctx, dst, src, copied)
	}()
	var hashed int64
	for done := range copied {
		if err := HashExtent(ctx, Extent{dst.File, dst.Offset + hashed, done - hashed}, h, hashed, report); err != nil {
			cancel(err) // and wait for the other goroutine, which uses dst
		}
		hashed = done
	}
	return <-failed
}

// copyExtent sends its progress on copied.
func copyExtent(ctx context.Context, dst Position, src Extent, copied chan<- int64) error {
	for done := int64(0); done < src.Size; {
		n, err := copyRange(dst.File, dst.Offset+done, Extent{src.File, src.Offset + done, min(copyStep, src.Size-done)})
		if err == nil && n == 0 {
			err = &fs.PathError{Op: "read", Path: src.File.Name(), Err: artifact.ErrChanged} // the file was truncated
		}
		if err != nil {
			return err
		}
		done += n
		select {
		case copied <- done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return context.Cause(ctx)
}

// copyPlain is like copyRange, but uses read and write.
func copyPlain(dst *os.File, at int64, src Extent) (int64, error) {
	buf := make([]byte, copyBuffer)
	return io.CopyBuffer(struct{ io.Writer }{io.NewOffsetWriter(dst, at)}, struct{ io.Reader }{src.Reader()}, buf)
}

// HashExtent hashes a part of a file; report receives the progress, including earlier bytes.
func HashExtent(ctx context.Context, e Extent, h hash.Hash, before int64, report func(int64)) error {
	buf := make([]byte, min(copyBuffer, max(e.Size, 1)))
	for r := e.Reader(); ; {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		n, err := r.Read(buf)
		h.Write(buf[:n])
		if before += int64(n); n > 0 {
			report(before)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// bounded is a reader that must not return more than limit bytes.
type bounded struct {
	io.Reader
	limit int64
}

// stream copies a reader to dst and hashes it. It stops at the read that exceeds the limit.
func stream(ctx context.Context, dst Position, src bounded, h hash.Hash, report func(int64)) (int64, error) {
	buf := make([]byte, copyBuffer)
	var done int64
	for {
		if ctx.Err() != nil {
			return done, context.Cause(ctx)
		}
		n, err := src.Read(buf)
		if done+int64(n) > src.limit {
			return done + int64(n), nil // too long; the last read is not written
		}
		h.Write(buf[:n])
		if _, werr := dst.File.WriteAt(buf[:n], dst.Offset+done); werr != nil {
			return done, werr
		}
		if done += int64(n); n > 0 {
			report(done)
		}
		if errors.Is(err, io.EOF) {
			return done, nil
		}
		if err != nil {
			return done, err
		}
	}
}

// Fill writes a blob to dst and checks it against want, whose digest may be empty and size negative. It returns the
// digest and size of the content. The kernel copies a file; other readers are read.
func Fill(ctx context.Context, dst Position, src io.Reader, want ocispec.Descriptor, report func(int64)) (ocispec.Descriptor, error) {
	algorithm := digest.SHA256
	if want.Digest != "" {
		algorithm = want.Digest.Algorithm()
	}
	h := algorithm.Hash()
	if report == nil {
		report = func(int64) {}
	}
	var size int64
	var err error
	if e, ok := WholeFile(src); ok {
		size = e.Size
		if want.Size < 0 || want.Size == size {
			err = transfer(ctx, dst, e, h, report)
		}
	} else {
		most := want.Size
		if most < 0 {
			most = 1<<63 - 1 - copyBuffer
		}
		size, err = stream(ctx, dst, bounded{src, most}, h, report)
	}
	got := ocispec.Descriptor{MediaType: want.MediaType, Annotations: want.Annotations, Digest: digest.NewDigest(algorithm, h), Size: size}
	if err == nil {
		err = checkContent(want, got.Size, got.Digest)
	}
	return got, err
}

// WholeFile reports whether a reader is an extent, or a regular file at its start.
func WholeFile(r io.Reader) (Extent, bool) {
	if b, ok := r.(*Blob); ok {
		return b.Extent, true
	}
	f, ok := r.(*os.File)
	if !ok {
		return Extent{}, false
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return Extent{}, false
	}
	at, err := f.Seek(0, io.SeekCurrent)
	return Extent{f, 0, info.Size()}, err == nil && at == 0
}

// verifyingReader returns a blob's bytes, and an error instead of io.EOF if they do not match the descriptor.
type verifyingReader struct {
	io.Reader
	io.Closer
	want ocispec.Descriptor
	size int64
	hash hash.Hash
}

// NewVerifyingReader returns a reader that verifies r against a descriptor. Its Close closes c.
func NewVerifyingReader(r io.Reader, c io.Closer, want ocispec.Descriptor) *verifyingReader {
	return &verifyingReader{Reader: r, Closer: c, want: want, hash: want.Digest.Algorithm().Hash()}
}

// Read hashes the bytes that it returns.
func (v *verifyingReader) Read(p []byte) (int, error) {
	n, err := v.Reader.Read(p)
	v.hash.Write(p[:n])
	v.size += int64(n)
	if errors.Is(err, io.EOF) {
		if bad := checkContent(v.want, v.size, digest.NewDigest(v.want.Digest.Algorithm(), v.hash)); bad != nil {
			return n, bad
		}
	}
	return n, err
}
