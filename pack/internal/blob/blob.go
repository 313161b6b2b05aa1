// Package blob turns the layers of a plan into blobs that can be read repeatedly.
package blob

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pack/internal/tar"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// copyBuffer is the size of reads when a blob is hashed. Larger reads are not faster; smaller ones are 10% slower.
const copyBuffer = 256 << 10

// A Blob is a blob of the future artifact. Its digest and size may be unknown until it is read.
type Blob struct {
	Layer  artifact.Layer
	Desc   ocispec.Descriptor // Digest "" and Size -1 until known
	DiffID digest.Digest      // "" until known
	Info   fs.FileInfo        // of a raw file
	Origin Source
	Name   string // for messages and progress
}

// A Source opens the content of a blob, the same bytes each time.
type Source interface {
	// Open opens the content at an offset.
	Open(ctx context.Context, offset int64) (io.ReadCloser, error)
	// Check returns artifact.ErrChanged if the origin changed since it was first inspected.
	Check() error
}

// IsKnown reports whether the digests of the blob are known.
func (b *Blob) IsKnown() bool { return b.Desc.Digest != "" && b.DiffID != "" }

// Source returns the blob in the form that a pack.BlobPusher accepts.
func (b *Blob) Source(ctx context.Context) artifact.Blob {
	out := artifact.Blob{
		MediaType:   b.Desc.MediaType,
		Annotations: b.Desc.Annotations,
		Size:        b.Desc.Size,
		Digest:      b.Desc.Digest,
		Open:        func(offset int64) (io.ReadCloser, error) { return b.Origin.Open(ctx, offset) },
	}
	if f, ok := b.Origin.(*FileOrigin); ok {
		out.ID = f.id()
	}
	return out
}

// Learn stores the digests and size found by reading the blob.
func (b *Blob) Learn(desc ocispec.Descriptor) {
	b.Desc.Digest, b.Desc.Size = desc.Digest, desc.Size
	if o, ok := b.Origin.(*tar.Origin); ok {
		b.DiffID = o.DiffID(b.DiffID)
	} else {
		b.DiffID = desc.Digest
	}
}

// Measure reads the blob to learn its digest and size. If keep is set, a small tar stays in the spool and is sent from
// there.
func (b *Blob) Measure(ctx context.Context, keep bool) error {
	if o, ok := b.Origin.(*tar.Origin); ok && keep && o.IsSmall() {
		desc, err := o.Fill(ctx)
		if err == nil {
			b.Learn(desc)
		}
		return err
	}
	rc, err := b.Origin.Open(ctx, 0)
	if err != nil {
		return err
	}
	defer rc.Close()
	hash := digest.Canonical.Digester()
	n, err := copyBlob(ctx, hash.Hash(), rc)
	if err != nil {
		return err
	}
	if err := b.Origin.Check(); err != nil {
		return err
	}
	b.Learn(ocispec.Descriptor{Digest: hash.Digest(), Size: n})
	return nil
}

// copyBlob copies r to w, copyBuffer bytes at a time, and stops when ctx is done.
func copyBlob(ctx context.Context, w io.Writer, r io.Reader) (int64, error) {
	buf := make([]byte, copyBuffer)
	// The wrappers hide all methods except Read and Write: with WriteTo or ReadFrom, io.CopyBuffer would ignore the buffer.
	return io.CopyBuffer(struct{ io.Writer }{w}, contextReader{ctx, r}, buf)
}

// NewReader returns a reader of r that fails when ctx is done.
func NewReader(ctx context.Context, r io.Reader) io.Reader { return contextReader{ctx, r} }

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// FileOrigin is a file of the plan, byte for byte.
type FileOrigin struct {
	fsys fs.FS
	path string
	info fs.FileInfo
}

// newFileOrigin returns the origin for a file in its current state. It fails if the file is not regular.
func newFileOrigin(fsys fs.FS, path string) (*FileOrigin, error) {
	info, err := fs.Stat(fsys, path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("not a regular file (%s)", info.Mode().Type())}
	}
	return &FileOrigin{fsys, path, info}, nil
}

// Open opens the file at an offset. It returns artifact.ErrChanged if the size or the modification time has changed.
func (o *FileOrigin) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	f, err := o.fsys.Open(o.path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = o.checkSame(info)
	}
	if err == nil {
		err = tar.Skip(f, offset)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Check returns artifact.ErrChanged if the size or the modification time has changed.
func (o *FileOrigin) Check() error {
	info, err := fs.Stat(o.fsys, o.path)
	if err != nil {
		return err
	}
	return o.checkSame(info)
}

func (o *FileOrigin) checkSame(now fs.FileInfo) error {
	if now.Size() != o.info.Size() || !now.ModTime().Equal(o.info.ModTime()) {
		return &artifact.Error{Item: o.path, Err: artifact.ErrChanged}
	}
	return nil
}

// BytesOrigin is content that the plan holds in memory.
type BytesOrigin []byte

// Open returns the content from an offset.
func (o BytesOrigin) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(o[min(offset, int64(len(o))):])), nil
}

// Check returns nil: the content can't change.
func (o BytesOrigin) Check() error { return nil }

// TargetOrigin is a blob of a base image.
type TargetOrigin struct {
	From content.Fetcher
	Desc ocispec.Descriptor
}

// Open fetches the blob from its start and skips to the offset: a content.Fetcher can't fetch ranges.
func (o TargetOrigin) Open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	rc, err := o.From.Fetch(ctx, o.Desc)
	if err != nil {
		return nil, err
	}
	if err := tar.Skip(rc, offset); err != nil {
		rc.Close()
		return nil, err
	}
	return rc, nil
}

// Check returns nil: a blob in a target can't change.
func (o TargetOrigin) Check() error { return nil }

// id identifies the file and its state on this machine. It is empty where the system has no file identifiers.
func (o *FileOrigin) id() string {
	node, ok := inode(o.info)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s:%s:%d:%d", o.path, node, o.info.Size(), o.info.ModTime().UnixNano())
}
