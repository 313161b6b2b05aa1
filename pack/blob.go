package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/digestcache"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
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
	Open(ctx context.Context, offset int64) (io.ReadCloser, error)
	// Check fails with artifact.ErrChanged when the origin is not what it was when it was first looked at.
	Check() error
}

func (b *blob) known() bool { return b.desc.Digest != "" && b.diffID != "" }

// blob as a target takes it.
func (b *blob) source(ctx context.Context) artifact.Blob {
	out := artifact.Blob{
		MediaType:   b.desc.MediaType,
		Annotations: b.desc.Annotations,
		Size:        b.desc.Size,
		Digest:      b.desc.Digest,
		Open:        func(offset int64) (io.ReadCloser, error) { return b.origin.Open(ctx, offset) },
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
	rc, err := b.origin.Open(ctx, 0)
	if err != nil {
		return err
	}
	defer rc.Close()
	hash := digest.Canonical.Digester()
	n, err := copyBlob(ctx, hash.Hash(), rc)
	if err != nil {
		return err
	}
	if err := b.origin.Check(); err != nil {
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

func (o *fileOrigin) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
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

func (o *fileOrigin) Check() error {
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

func (o bytesOrigin) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(o[min(offset, int64(len(o))):])), nil
}

func (o bytesOrigin) Check() error { return nil }

// targetOrigin is a blob of a base image.
type targetOrigin struct {
	src  content.Fetcher
	desc ocispec.Descriptor
}

func (o targetOrigin) Open(ctx context.Context, offset int64) (io.ReadCloser, error) {
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

func (o targetOrigin) Check() error { return nil }

// id names the file and its state on this machine; empty where the system does not tell files apart.
func (o *fileOrigin) id() string {
	node, ok := inode(o.info)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s:%s:%d:%d", o.path, node, o.info.Size(), o.info.ModTime().UnixNano())
}

// A packer turns layers into blobs.
type packer struct {
	FS      fs.FS
	Created time.Time // the time of tar entries that carry none of their own
	Digests *digestcache.Cache
	Pool    *workshop
}

// hashers is how many files are hashed at once: more than four only wait for the disk.
func hashers() int { return min(runtime.GOMAXPROCS(0), 4) }

// measure learns the digests that are not known, several files at once.
func (p *packer) measure(ctx context.Context, blobs []*blob) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(hashers())
	for _, b := range blobs {
		if b.known() {
			continue
		}
		group.Go(func() error {
			if err := b.measure(ctx, false); err != nil {
				return failed("packing", b.layer.Path, err)
			}
			p.remember(b)
			return nil
		})
	}
	return group.Wait()
}

// remember writes down what a blob turned out to be.
func (p *packer) remember(b *blob) {
	switch o := b.origin.(type) {
	case *fileOrigin:
		p.Digests.Store(o.info, b.desc.Digest)
	case *tarOrigin:
		o.remember(treeRecord{b.desc.Digest, b.diffID, b.desc.Size})
	}
}

// failed says which operation on which path failed, without naming the path twice.
func failed(op, path string, err error) error {
	return &artifact.Error{Op: op, Item: path, Err: bare(err, path)}
}

// bare takes the path out of an error whose message names it already.
func bare(err error, path string) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) && pathErr.Path == path {
		return pathErr.Err
	}
	var ours *artifact.Error
	if errors.As(err, &ours) && ours.Item == path && ours.Op == "" {
		return ours.Err
	}
	return err
}
