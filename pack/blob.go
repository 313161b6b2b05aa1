package pack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// copyBuffer is the size of the reads when a blob is hashed: larger ones gain nothing, smaller ones lose a tenth.
const copyBuffer = 256 << 10

// blob is one blob of the artifact to be. Its digest and size may become known only when it was read.
type blob struct {
	layer  artifact.Layer
	desc   ocispec.Descriptor // Digest "" and Size -1 until known
	diffID digest.Digest      // likewise
	info   fs.FileInfo        // of a raw file
	origin origin
	name   string // for messages and progress
}

// origin is where the bytes of a blob come from. They are the same each time.
type origin interface {
	open(ctx context.Context, offset int64) (io.ReadCloser, error)
	// check fails with artifact.ErrChanged when the origin is not what it was when it was first looked at.
	check() error
}

func (b *blob) known() bool { return b.desc.Digest != "" && b.diffID != "" }

// blob as a target takes it.
func (b *blob) source(ctx context.Context) artifact.Blob {
	out := artifact.Blob{
		MediaType:   b.desc.MediaType,
		Annotations: b.desc.Annotations,
		Size:        b.desc.Size,
		Digest:      b.desc.Digest,
		Open:        func(offset int64) (io.ReadCloser, error) { return b.origin.open(ctx, offset) },
	}
	if f, ok := b.origin.(*fileOrigin); ok {
		out.ID = f.id()
	}
	return out
}

// learn takes over what reading the blob showed.
func (b *blob) learn(desc ocispec.Descriptor) {
	b.desc.Digest, b.desc.Size = desc.Digest, desc.Size
	if o, ok := b.origin.(*tarOrigin); ok {
		b.diffID = o.made(b.diffID)
	} else {
		b.diffID = desc.Digest
	}
}

// measure reads the blob to learn its digest and size. With keep, a small tar stays in the spool to be sent from there.
func (b *blob) measure(ctx context.Context, keep bool) error {
	if o, ok := b.origin.(*tarOrigin); ok && keep && o.small() {
		desc, err := o.fill(ctx)
		if err == nil {
			b.learn(desc)
		}
		return err
	}
	rc, err := b.origin.open(ctx, 0)
	if err != nil {
		return err
	}
	defer rc.Close()
	hash := digest.Canonical.Digester()
	n, err := copyBlob(ctx, hash.Hash(), rc)
	if err != nil {
		return err
	}
	if err := b.origin.check(); err != nil {
		return err
	}
	b.learn(ocispec.Descriptor{Digest: hash.Digest(), Size: n})
	return nil
}

// copyBlob copies in large pieces and stops when ctx is done.
func copyBlob(ctx context.Context, w io.Writer, r io.Reader) (int64, error) {
	buf := make([]byte, copyBuffer)
	// Only Read and Write: io.CopyBuffer would leave the buffer aside for a file's own 32 KiB copying.
	return io.CopyBuffer(struct{ io.Writer }{w}, contextReader{ctx, r}, buf)
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// fileOrigin is a file of the plan, byte for byte.
type fileOrigin struct {
	fsys fs.FS
	path string
	info fs.FileInfo
}

// newFileOrigin looks at the file.
func newFileOrigin(fsys fs.FS, path string) (*fileOrigin, error) {
	info, err := fs.Stat(fsys, path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("not a regular file (%s)", info.Mode().Type())}
	}
	return &fileOrigin{fsys, path, info}, nil
}

func (o *fileOrigin) open(_ context.Context, offset int64) (io.ReadCloser, error) {
	f, err := o.fsys.Open(o.path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = o.same(info)
	}
	if err == nil {
		err = skip(f, offset)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (o *fileOrigin) check() error {
	info, err := fs.Stat(o.fsys, o.path)
	if err != nil {
		return err
	}
	return o.same(info)
}

func (o *fileOrigin) same(now fs.FileInfo) error {
	if now.Size() != o.info.Size() || !now.ModTime().Equal(o.info.ModTime()) {
		return &artifact.Error{Item: o.path, Err: artifact.ErrChanged}
	}
	return nil
}

// skip moves on to offset, by seeking where the reader can.
func skip(r io.Reader, offset int64) error {
	if offset == 0 {
		return nil
	}
	if s, ok := r.(io.Seeker); ok {
		_, err := s.Seek(offset, io.SeekStart)
		return err
	}
	_, err := io.CopyN(io.Discard, r, offset)
	return err
}

// bytesOrigin is what Compose made itself.
type bytesOrigin []byte

func (o bytesOrigin) open(_ context.Context, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(o[min(offset, int64(len(o))):])), nil
}

func (o bytesOrigin) check() error { return nil }

// targetOrigin is a blob of a base image.
type targetOrigin struct {
	src  content.Fetcher
	desc ocispec.Descriptor
}

func (o targetOrigin) open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	rc, err := o.src.Fetch(ctx, o.desc)
	if err != nil {
		return nil, err
	}
	if err := skip(rc, offset); err != nil {
		rc.Close()
		return nil, err
	}
	return rc, nil
}

func (o targetOrigin) check() error { return nil }

// id names the file and its state on this machine; empty where the system does not tell files apart.
func (o *fileOrigin) id() string {
	node, ok := inode(o.info)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s:%s:%d:%d", o.path, node, o.info.Size(), o.info.ModTime().UnixNano())
}
