// Package catalog reads the index, the manifests, and the blobs of image layouts, both in directories and in archives.
package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// Catalog is the read-only part that layouts and archives share: an index, and blobs that are parts of files.
type Catalog struct {
	Path  string // as the user wrote it
	Store Access

	mu       sync.Mutex
	links    map[digest.Digest]*Links // of the manifests read so far, which never change
	cached   int                      // how many descriptors and digests links holds
	subjects subjects                 // of the index that was searched last

	parentsMu sync.Mutex
	parents   parentCache
}

// Access reads the index and blobs of a catalog.
type Access struct {
	// Index calls fn with the index, which does not change during the call. fn must not change it, keep it, or call Index.
	Index func(ctx context.Context, fn func(*index.Index) error) error
	// Blob opens the blob of a valid digest. It fails with fs.ErrNotExist if there is no such blob.
	Blob func(d digest.Digest) (*files.Blob, error)
}

// New returns a catalog of the layout or archive at path. The caller must set Store.
func New(path string) *Catalog { return &Catalog{Path: path, links: map[digest.Digest]*Links{}} }

// BlobLabel returns the name of a blob for error messages.
func BlobLabel(c *Catalog, d digest.Digest) string {
	return c.Path + "@" + untrusted.Line(d.String(), 200)
}

// OpenBlob opens a blob, unverified. It fails with errdef.ErrNotFound if there is no such blob, and with artifact.ErrRefused if
// the descriptor is invalid or its size differs from that of the blob.
func OpenBlob(c *Catalog, desc ocispec.Descriptor) (*files.Blob, error) {
	if err := files.CheckDescriptor(desc); err != nil {
		return nil, err
	}
	b, err := c.open(desc.Digest)
	if err != nil {
		return nil, manifest.WithAddress(desc, err)
	}
	if err := checkSize(c, b, desc); err != nil {
		_ = b.Close()
		return nil, err
	}
	return b, nil
}

func checkSize(c *Catalog, b *files.Blob, desc ocispec.Descriptor) error {
	if b.Extent.Size != desc.Size {
		return artifact.Refused(BlobLabel(c, desc.Digest), "size mismatch: want %d bytes, got %d", desc.Size, b.Extent.Size)
	}
	return nil
}

// Fetch returns the content of a blob or manifest. If the content does not match the descriptor, the reader returns an error
// instead of io.EOF. Manifests and blobs of up to 1 MiB are verified before Fetch returns.
func (c *Catalog) Fetch(_ context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if manifest.Is(desc.MediaType) && desc.Size <= manifest.MaxSize {
		data, err := ManifestData(c, desc)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	b, err := OpenBlob(c, desc)
	if err != nil {
		return nil, err
	}
	r := files.NewVerifyingReader(b, b, desc)
	if desc.Size > maxHeld {
		return r, nil
	}
	defer b.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// FetchRange returns length bytes of a blob starting at offset, unverified.
func (c *Catalog) FetchRange(_ context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || length < 0 || offset > desc.Size || length > desc.Size-offset {
		return nil, artifact.Refused(desc.Digest.String(), "range [%d, %d) exceeds the blob of %d bytes", offset, offset+length, desc.Size)
	}
	b, err := OpenBlob(c, desc)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(b, offset, length), b}, nil
}

// FetchFile writes a blob to the file name in dst, and verifies it. It clones the file if possible, and lets the kernel copy it
// otherwise. The file has a temporary name until it is verified. report, which may be nil, receives the number of bytes hashed so
// far as done, and 0 as ready.
func (c *Catalog) FetchFile(ctx context.Context, desc ocispec.Descriptor, dst *os.Root, name string, report func(done, ready int64)) (err error) {
	b, err := OpenBlob(c, desc)
	if err != nil {
		return err
	}
	defer b.Close()
	part := name + ".part"
	if err := dst.RemoveAll(part); err != nil { // a killed process may have left it
		return err
	}
	f, err := dst.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = files.Fill(ctx, files.Position{File: f, Offset: 0}, b, desc, adaptReport(report))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = dst.Rename(part, name)
	}
	if err != nil {
		_ = dst.Remove(part)
	}
	return err
}

// adaptReport adapts the report function of FetchFile to that of files.Fill. It returns nil if report is nil.
func adaptReport(report func(done, ready int64)) func(int64) {
	if report == nil {
		return nil
	}
	return func(done int64) { report(done, 0) }
}

// Exists reports whether a blob with the digest and size of desc exists. A manifest must also be reachable from the index.
func (c *Catalog) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	if err := files.CheckDescriptor(desc); err != nil {
		return false, err
	}
	b, err := c.Store.Blob(desc.Digest)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_ = b.Close()
	if b.Extent.Size != desc.Size || !manifest.Is(desc.MediaType) {
		return b.Extent.Size == desc.Size, nil
	}
	reached := false
	err = c.Store.Index(ctx, func(ix *index.Index) (err error) {
		reached, err = isReached(ctx, c, ix, desc.Digest)
		return err
	})
	return reached, err
}

// Resolve returns the descriptor of a tag, a full name, or a digest. It fails with errdef.ErrNotFound if there is no such content,
// with errdef.ErrMissingReference if reference is empty, and with errdef.ErrInvalidReference if a tag is ambiguous.
func (c *Catalog) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	if reference == "" {
		return ocispec.Descriptor{}, errdef.ErrMissingReference
	}
	d, notDigest := digest.Parse(reference)
	var e index.Entry
	err := c.Store.Index(ctx, func(ix *index.Index) (err error) {
		if notDigest == nil {
			e, _ = ix.Lists(d)
			return nil
		}
		e, err = ix.Find(reference)
		err = AddPath(c.Path, err)
		return err
	})
	switch {
	case err != nil:
		return ocispec.Descriptor{}, err
	case e.Digest == "":
		return c.resolveDigest(d)
	}
	return e.Descriptor(), files.CheckDescriptor(e.Descriptor())
}

// plain returns a descriptor with only its media type, digest, and size, which do not depend on where it was listed.
func plain(desc ocispec.Descriptor) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size}
}

// resolveDigest returns a descriptor for stored content that index.json does not list: a manifest in a listed index, or any blob.
func (c *Catalog) resolveDigest(d digest.Digest) (ocispec.Descriptor, error) {
	b, err := c.open(d)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	_ = b.Close()
	desc := ocispec.Descriptor{MediaType: "application/octet-stream", Digest: d, Size: b.Extent.Size}
	if b.Extent.Size <= manifest.MaxSize {
		if l, err := LinksOf(c, desc); err == nil && l.mediaType != "" {
			desc.MediaType = l.mediaType
		}
	}
	return desc, nil
}

// Tags calls fn with the sorted tags that follow last, if there are any.
func (c *Catalog) Tags(ctx context.Context, last string, fn func(tags []string) error) error {
	var tags []string
	err := c.Store.Index(ctx, func(ix *index.Index) error { tags = ix.Tags(); return nil })
	if err != nil {
		return err
	}
	i, found := slices.BinarySearch(tags, last)
	if found {
		i++
	}
	if i == len(tags) {
		return nil
	}
	return fn(tags[i:])
}

// ManifestData reads and verifies a manifest.
func ManifestData(c *Catalog, desc ocispec.Descriptor) (data []byte, err error) {
	if err := files.CheckDescriptor(desc); err != nil {
		return nil, err
	}
	if desc.Size > manifest.MaxSize {
		return nil, artifact.Refused(BlobLabel(c, desc.Digest), "manifest too large: %d bytes, limit is %d MiB", desc.Size, manifest.MaxSize>>20)
	}
	err = files.Reread(context.Background(), func() (changed time.Time, err error) {
		b, err := c.open(desc.Digest)
		if err != nil {
			return time.Time{}, err
		}
		defer b.Close()
		if info, err := b.Extent.File.Stat(); err == nil {
			changed = info.ModTime()
		}
		if err := checkSize(c, b, desc); err != nil {
			return changed, err
		}
		data, err = io.ReadAll(files.NewVerifyingReader(b, b, desc))
		return changed, err
	})
	return data, err
}

// BlobName returns the path of a blob in a layout.
func BlobName(d digest.Digest) string {
	return path.Join(ocispec.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

// CheckUntag fails if ref is empty or a digest, neither of which can be untagged.
func CheckUntag(ref string) error {
	if ref == "" {
		return errdef.ErrMissingReference
	}
	if _, err := digest.Parse(ref); err == nil {
		return fmt.Errorf("%q is a digest, not a tag: %w", ref, errdef.ErrInvalidReference)
	}
	return nil
}

// Names lists the names in the index as they are written: tags, and full names that end in a tag.
func (c *Catalog) Names(ctx context.Context) ([]string, error) { return c.NamesOf(ctx, "") }

// NamesOf lists the names of a manifest, or of all manifests if d is empty.
func (c *Catalog) NamesOf(ctx context.Context, d digest.Digest) (names []string, err error) {
	err = c.Store.Index(ctx, func(ix *index.Index) error { names = ix.Names(d); return nil })
	return names, err
}

// OpenBlob opens a blob of any size, unverified. It fails with artifact.ErrRefused if the digest is invalid, and with
// errdef.ErrNotFound if there is no such blob.
func (c *Catalog) OpenBlob(d digest.Digest) (io.ReadSeekCloser, error) {
	if err := untrusted.CheckDigest(d); err != nil {
		return nil, artifact.Refused(untrusted.Line(d.String(), 200), "digest: %w", err)
	}
	b, err := c.open(d)
	if err != nil {
		return nil, err // b would make the interface non-nil
	}
	return b, nil
}

// open opens the blob of a valid digest. It fails with errdef.ErrNotFound if there is no such blob.
func (c *Catalog) open(d digest.Digest) (*files.Blob, error) {
	b, err := c.Store.Blob(d)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: %w", BlobLabel(c, d), errdef.ErrNotFound)
	}
	return b, err
}

// AddPath adds the path of a layout to an error about a name in its index. It returns nil if err is nil.
func AddPath(path string, err error) error {
	var several *index.AmbiguousError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &several):
		several.Path = path
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}
