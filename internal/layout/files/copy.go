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
	// copyStep is the number of bytes that the kernel copies before they are hashed. It is large enough to keep the overhead low,
	// and small enough that the bytes are still cached when they are hashed.
	copyStep = 4 << 20
)

// Position is an offset in a file at which to write.
type Position struct {
	File   *os.File
	Offset int64
}

// Extent is a contiguous part of a file.
type Extent struct {
	File         *os.File
	Offset, Size int64
}

// Reader returns a reader of the extent. It does not use the offset of the file, so several readers can be used at once.
func (e Extent) Reader() *io.SectionReader { return io.NewSectionReader(e.File, e.Offset, e.Size) }

// CheckDescriptor fails with artifact.ErrRefused if the digest or the size is invalid. It must be called before a digest becomes
// part of a path.
func CheckDescriptor(desc ocispec.Descriptor) error {
	if err := untrusted.CheckDigest(desc.Digest); err != nil {
		return artifact.Refused(untrusted.Line(desc.Digest.String(), 200), "digest: %w", err)
	}
	if desc.Size < 0 {
		return artifact.Refused(desc.Digest.String(), "invalid size %d", desc.Size)
	}
	return nil
}

// checkContent fails if the size or digest of content differs from want. An empty digest and a negative size in want match any
// value.
func checkContent(want ocispec.Descriptor, size int64, got digest.Digest) error {
	switch {
	case want.Size >= 0 && size != want.Size:
		return artifact.Refused(want.Digest.String(), "size mismatch: want %d bytes, got %s", want.Size, formatCount(size, want.Size))
	case want.Digest != "" && got != want.Digest:
		return artifact.Refused(want.Digest.String(), "digest mismatch: want %s, got %s", want.Digest, got)
	}
	return nil
}

// formatCount formats the number of bytes read. Reading stops beyond the wanted size, so a larger number is not exact.
func formatCount(size, want int64) string {
	if size > want {
		return fmt.Sprintf("more than %d", want)
	}
	return fmt.Sprint(size)
}

// copyAndHash clones an extent to dst if the file system can. Otherwise the kernel copies it, and copyAndHash hashes the copied
// bytes while the kernel copies the next ones.
func copyAndHash(ctx context.Context, dst Position, src Extent, h hash.Hash, report func(int64)) error {
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
			cancel(err) // the loop ends when the other goroutine has stopped using dst
		}
		hashed = done
	}
	return <-failed
}

// copyExtent copies an extent to dst, and sends the number of bytes copied so far on copied.
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

// copyPlain is like copyRange, but copies through a buffer.
func copyPlain(dst *os.File, at int64, src Extent) (int64, error) {
	buf := make([]byte, copyBuffer)
	return io.CopyBuffer(struct{ io.Writer }{io.NewOffsetWriter(dst, at)}, struct{ io.Reader }{src.Reader()}, buf)
}

// HashExtent hashes an extent. report receives the number of bytes hashed so far, plus before, the number of bytes in earlier extents.
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

// limitedReader is a reader that should return at most limit bytes.
type limitedReader struct {
	io.Reader
	limit int64
}

// copyReader copies a reader to dst and hashes it, and returns the number of bytes read. It stops at the read that exceeds the
// limit.
func copyReader(ctx context.Context, dst Position, src limitedReader, h hash.Hash, report func(int64)) (int64, error) {
	buf := make([]byte, copyBuffer)
	var done int64
	for {
		if ctx.Err() != nil {
			return done, context.Cause(ctx)
		}
		n, err := src.Read(buf)
		if done+int64(n) > src.limit {
			return done + int64(n), nil // the last read is not written; the caller checks the size
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

// Fill writes a blob to dst and checks it against want, whose digest may be empty and whose size may be negative if they are not
// known. It returns the digest and size of the content. If src is a file or a Blob, the kernel copies it. report receives the
// number of bytes done, at first 0, and may be nil.
func Fill(ctx context.Context, dst Position, src io.Reader, want ocispec.Descriptor, report func(int64)) (ocispec.Descriptor, error) {
	algorithm := digest.SHA256
	if want.Digest != "" {
		algorithm = want.Digest.Algorithm()
	}
	h := algorithm.Hash()
	if report == nil {
		report = func(int64) {}
	}
	report(0)
	var size int64
	var err error
	if e, ok := WholeFile(src); ok {
		size = e.Size
		if want.Size < 0 || want.Size == size {
			err = copyAndHash(ctx, dst, e, h, report)
		}
	} else {
		most := want.Size
		if most < 0 {
			most = 1<<63 - 1 - copyBuffer
		}
		size, err = copyReader(ctx, dst, limitedReader{src, most}, h, report)
	}
	got := ocispec.Descriptor{MediaType: want.MediaType, Annotations: want.Annotations, Digest: digest.NewDigest(algorithm, h), Size: size}
	if err == nil {
		err = checkContent(want, got.Size, got.Digest)
	}
	return got, err
}

// WholeFile returns the extent that a reader will read, if the reader is a Blob, or a regular file whose offset is 0.
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

// verifyingReader reads a blob. If the content does not match the descriptor, it returns an error instead of io.EOF.
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

// Read implements io.Reader.
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
