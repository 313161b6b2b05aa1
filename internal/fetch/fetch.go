package fetch

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/davit-oci/davit/artifact"
	oci "github.com/davit-oci/davit/internal/manifest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// CopyBuffer is the size, in bytes, of reads and writes when a blob is copied.
const CopyBuffer = 256 << 10

// FileFetcher is implemented by sources that fetch a blob into a file faster than in one stream: over several connections,
// by resuming, or by cloning. The complete file is verified. Until it is complete, name+".state" may exist beside it. The
// function report receives the number of fetched bytes, and how many bytes at the start of the file can already be read,
// unverified. The second number drops when a download starts over.
type FileFetcher interface {
	FetchFile(ctx context.Context, desc ocispec.Descriptor, dst *os.Root, name string, report func(done, ready int64)) error
}

// A File is the destination of FetchFile.
type File struct {
	Root *os.Root
	Name string
	// Report receives the number of fetched bytes, and how many bytes at the start of the file can already be read,
	// unverified.
	Report func(done, ready int64)
}

// FetchFile fetches a verified blob into a file. It uses a file that a killed pull left under the name if its digest matches. A file with
// the state of a FileFetcher beside it is incomplete, whatever its length.
func FetchFile(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor, to File) error {
	if err := checkDescriptor(desc); err != nil {
		return err
	}
	data, ok, err := readInline(desc)
	if err != nil {
		return err
	}
	if ok {
		return to.Root.WriteFile(to.Name, data, 0o666)
	}
	if _, err := to.Root.Lstat(to.Name + ".state"); err != nil && HasBlob(ctx, to.Root, to.Name, desc) {
		to.Report(desc.Size, 0) // nothing is fetched
		return nil
	}
	if fetcher, ok := src.(FileFetcher); ok {
		return fetcher.FetchFile(ctx, desc, to.Root, to.Name, to.Report)
	}
	return streamFile(ctx, src, desc, to)
}

// streamFile fetches a blob in one stream.
func streamFile(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor, to File) (err error) {
	rc, err := src.Fetch(ctx, desc)
	if err != nil {
		return err
	}
	defer rc.Close()
	temp := to.Name + ".part"
	if err := to.Root.RemoveAll(temp); err != nil {
		return err
	}
	f, err := to.Root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	err = CopyVerified(ctx, f, rc, desc, func(done int64) { to.Report(done, 0) })
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = to.Root.Rename(temp, to.Name)
	}
	if err != nil {
		to.Root.Remove(temp)
	}
	return err
}

// CopyVerified copies a blob. It fails with artifact.ErrRefused if the blob does not match its descriptor, but only after w has
// received the bytes. The function report receives the number of copied bytes.
func CopyVerified(ctx context.Context, w io.Writer, r io.Reader, desc ocispec.Descriptor, report func(int64)) error {
	verified := oci.NewVerifyReader(r, desc)
	counted := &progressReader{ctx: ctx, r: verified, report: report}
	report(0)
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, counted, make([]byte, CopyBuffer))
	if err == nil {
		err = verified.Verify()
	}
	return RefuseMismatch(err, desc)
}

// RefuseMismatch turns the mismatch errors of a VerifyReader into an artifact.ErrRefused. It returns other errors unchanged.
func RefuseMismatch(err error, desc ocispec.Descriptor) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return artifact.Refused("", "size mismatch: want %d bytes, got fewer", desc.Size)
	case errors.Is(err, content.ErrMismatchedDigest):
		return artifact.Refused("", "digest mismatch: want %s", desc.Digest)
	case errors.Is(err, content.ErrTrailingData):
		return artifact.Refused("", "size mismatch: want %d bytes, got more", desc.Size)
	}
	return err
}

// progressReader reports its progress and stops when ctx is done.
type progressReader struct {
	ctx    context.Context
	r      io.Reader
	n      int64
	report func(int64)
}

// Read implements io.Reader.
func (r *progressReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	r.n += int64(n)
	r.report(r.n)
	return n, err
}

// HasBlob reports whether a file is the complete blob.
func HasBlob(ctx context.Context, root *os.Root, name string, desc ocispec.Descriptor) bool {
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() != desc.Size {
		return false
	}
	f, err := root.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	return CopyVerified(ctx, io.Discard, f, desc, func(int64) {}) == nil
}
