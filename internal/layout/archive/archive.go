// Package archive reads and writes image layouts in tar archives.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// Archive is an OCI image layout in a tar file, which skopeo and podman call "oci-archive:". It is read in place. New content is
// staged until Close, which writes a new archive beside the old one and renames it, so that the file is either complete or
// unchanged.
type Archive struct {
	*catalog.Catalog
	file string // path, with symbolic links resolved
	mode reference.Mode
	old  *tarFile // the existing archive; its file is nil if it does not exist

	viewing sync.RWMutex // guards current
	current *index.Index // the index of old with the changes applied

	mu      sync.Mutex // guards the fields below
	changes []index.Change
	rewrite bool            // Close writes the archive even if there are no changes
	deleted []digest.Digest // deleted manifests, which referrers do not keep
	staged  map[digest.Digest]staged
	spools  spools
	closed  bool
}

// spools holds the temporary files of an archive.
type spools struct {
	files  []*os.File // all files; they are unlinked, except those of FetchBlob
	parts  []string   // the names of the files of FetchBlob
	shared *os.File   // the file for blobs whose size is known; nil before the first one
	end    int64      // the offset of the next blob in shared
}

// staged is a blob that Close will write.
type staged struct {
	desc  ocispec.Descriptor
	spool files.Extent  // where the blob is stored; if its File is nil, the blob is in a file of the user
	blob  artifact.Blob // the file of the user, which Close reads again
}

// Open opens an archive. For Write, the file may be missing; for Read, Open then fails with errdef.ErrNotFound.
func Open(name string, mode reference.Mode) (*Archive, error) {
	file := name
	if real, err := filepath.EvalSymlinks(name); err == nil {
		file = real
	}
	a := &Archive{Catalog: catalog.New(name), file: file, mode: mode, staged: map[digest.Digest]staged{}}
	a.Store = catalog.Access{Index: a.index, Blob: a.openBlob}
	old, err := OpenTar(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && mode == reference.Write:
		old = &tarFile{index: index.New()}
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("archive %q: %w", name, errdef.ErrNotFound)
	case err != nil:
		return nil, err
	}
	a.old, a.current = old, old.index
	return a, nil
}

func (a *Archive) index(_ context.Context, fn func(*index.Index) error) error {
	a.viewing.RLock()
	defer a.viewing.RUnlock()
	return fn(a.current)
}

// openBlob opens a staged blob, or a blob in the existing file.
func (a *Archive) openBlob(d digest.Digest) (*files.Blob, error) {
	a.mu.Lock()
	s, ok := a.staged[d]
	a.mu.Unlock()
	if ok {
		return s.open()
	}
	return a.old.openBlob(d)
}

// open opens the staged blob. It fails with artifact.ErrChanged if the size of the user's file has changed.
func (s staged) open() (*files.Blob, error) {
	if s.spool.File != nil {
		return files.NewBlobFile(s.spool, func() error { return nil }), nil
	}
	r, err := s.blob.Open(0)
	if err != nil {
		return nil, err
	}
	e, ok := files.WholeFile(r)
	if !ok || e.Size != s.desc.Size {
		_ = r.Close()
		return nil, artifact.ErrChanged
	}
	return files.NewBlobFile(e, r.Close), nil
}

// Push stages a blob or a manifest for Close. The blobs of a manifest must exist. It does not read r if the blob exists.
func (a *Archive) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	if err := a.checkWritable(); err != nil {
		return err
	}
	if err := files.CheckDescriptor(desc); err != nil {
		return err
	}
	if !manifest.Is(desc.MediaType) {
		if a.has(desc) {
			return nil
		}
		_, err := a.spool(ctx, desc, r, nil)
		return err
	}
	links, err := catalog.StoreManifest(a.Catalog, desc, r, func(r io.Reader) error {
		_, err := a.spool(ctx, desc, r, nil)
		return err
	})
	if err != nil {
		return err
	}
	return a.edit(catalog.Listing(a.Catalog, desc, links))
}

func (a *Archive) checkWritable() error {
	if a.old.generated != nil {
		return &artifact.Error{Op: "writing", Item: a.Path, Err: reference.Invalid(errDockerArchive, errdef.ErrUnsupported)}
	}
	if a.mode != reference.Write {
		return &fs.PathError{Op: "write", Path: a.Path, Err: errors.New("opened for reading")}
	}
	return nil
}

func (a *Archive) has(desc ocispec.Descriptor) bool {
	b, err := catalog.OpenBlob(a.Catalog, desc)
	return err == nil && b.Close() == nil
}

// PushBlob stages a blob for Close. If the blob is a file, PushBlob only hashes it, unless the digest is known; Close copies it.
func (a *Archive) PushBlob(ctx context.Context, b artifact.Blob, report func(done int64)) (ocispec.Descriptor, artifact.Step, error) {
	desc := b.Descriptor()
	if err := a.checkWritable(); err != nil {
		return desc, 0, err
	}
	if b.Digest != "" {
		if err := files.CheckDescriptor(desc); err != nil {
			return desc, 0, err
		}
		if a.has(desc) {
			return desc, artifact.Skipped, nil
		}
	}
	r, err := b.Open(0)
	if err != nil {
		return desc, 0, err
	}
	defer func() { _ = r.Close() }()
	e, ok := files.WholeFile(r)
	if !ok || b.Size < 0 {
		got, err := a.spool(ctx, desc, r, report)
		return got, artifact.Done, err
	}
	if desc.Digest == "" {
		files.OrSilent(report)(0) // the first report is the part that existed before
		h := digest.SHA256.Hash()
		if err := files.HashExtent(ctx, e, h, 0, files.OrSilent(report)); err != nil {
			return desc, 0, err
		}
		desc.Digest = digest.NewDigest(digest.SHA256, h)
		if a.has(desc) {
			return desc, artifact.Skipped, nil
		}
	}
	if e.Size != desc.Size {
		return desc, 0, artifact.ErrChanged
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.staged[desc.Digest] = staged{desc: desc, blob: b}
	return desc, artifact.Done, nil
}

// spool writes a blob to an unlinked temporary file, verifies it, and stages it.
func (a *Archive) spool(ctx context.Context, desc ocispec.Descriptor, r io.Reader, report func(int64)) (ocispec.Descriptor, error) {
	f, at, err := a.reserve(desc.Size)
	if err != nil {
		return desc, err
	}
	got, err := files.Fill(ctx, files.Position{File: f, Offset: at}, r, desc, report)
	if err != nil {
		return got, err
	}
	exists := desc.Digest == "" && a.has(got) // callers check blobs whose digest is known
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.staged[got.Digest]; !ok && !exists {
		a.staged[got.Digest] = staged{desc: got, spool: files.Extent{File: f, Offset: at, Size: got.Size}}
	}
	return got, nil
}

// reserve allocates space in a temporary file for a blob, and returns the file and the offset. A blob of unknown (negative) size
// gets a separate file.
func (a *Archive) reserve(size int64) (*os.File, int64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if size < 0 || a.spools.shared == nil {
		f, err := a.createTemp()
		if err != nil {
			return nil, 0, err
		}
		a.spools.files = append(a.spools.files, f)
		if err := os.Remove(f.Name()); err != nil || size < 0 {
			return f, 0, err
		}
		a.spools.shared = f
	}
	at := a.spools.end
	a.spools.end += size
	return a.spools.shared, at, nil
}

// createTemp creates a temporary file beside the archive.
func (a *Archive) createTemp() (*os.File, error) {
	root, err := a.openDir()
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	f, _, err := files.CreateTemp(root, ".", a.tempPrefix())
	var failed *fs.PathError
	if errors.As(err, &failed) { // name the archive, not the temporary file
		err = &artifact.Error{Op: "writing", Item: a.file, Err: failed.Err}
	}
	return f, err
}

// tempPrefix returns the prefix of the names of temporary files.
func (a *Archive) tempPrefix() string { return "." + filepath.Base(a.file) + ".davit-" }

// sweep removes temporary files that killed processes left beside the archive.
func (a *Archive) sweep() {
	if root, err := a.openDir(); err == nil {
		files.SweepTemps(root, ".", a.tempPrefix())
		_ = root.Close()
	}
}

// edit applies a change to the index in memory, and records it, to be applied again to the index on the disk when the archive is
// written. A change without effect is not recorded.
func (a *Archive) edit(c index.Change) error {
	a.viewing.Lock()
	defer a.viewing.Unlock()
	before := a.current.Version()
	if err := c.Apply(a.current); err != nil || a.current.Version() == before {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changes = append(a.changes, c)
	return nil
}

// Tag adds a tag to an existing manifest, which keeps its other tags. If ref is the digest of desc, Tag only lists the manifest.
func (a *Archive) Tag(ctx context.Context, desc ocispec.Descriptor, ref string) error {
	byDigest := ref == desc.Digest.String()
	if err := reference.CheckName(ref); err != nil && !byDigest {
		return reference.Error(ref, err)
	}
	if err := a.checkWritable(); err != nil {
		return err
	}
	links, err := catalog.LinksOf(a.Catalog, desc)
	if err != nil {
		return err
	}
	if err := a.edit(catalog.Listing(a.Catalog, desc, links)); err != nil || byDigest {
		return err
	}
	return a.edit(index.Tagging(catalog.ListEntry(desc, links), ref))
}

// TagFrom is like Tag, but moves only the tag of one repository, HOST/REPO, not the same tag of other repositories.
func (a *Archive) TagFrom(ctx context.Context, desc ocispec.Descriptor, repository, tag string) error {
	if err := a.checkWritable(); err != nil {
		return err
	}
	links, err := catalog.LinksOf(a.Catalog, desc)
	if err != nil {
		return err
	}
	if err := a.edit(catalog.Listing(a.Catalog, desc, links)); err != nil {
		return err
	}
	return a.edit(index.TaggingFrom(catalog.ListEntry(desc, links), repository, tag))
}

// Untag removes a tag. The manifest stays listed. It fails with errdef.ErrNotFound if there is no such tag.
func (a *Archive) Untag(_ context.Context, ref string) error {
	if err := a.checkWritable(); err != nil {
		return err
	}
	if err := catalog.CheckUntag(ref); err != nil {
		return err
	}
	return catalog.AddPath(a.Path, a.edit(index.Untagging(ref)))
}

// Delete removes a manifest with its tags. Close omits the blobs that no other manifest needs. If desc is not listed itself, Delete
// fails with errdef.ErrUnsupported if a listed manifest needs it.
func (a *Archive) Delete(ctx context.Context, desc ocispec.Descriptor) error {
	if err := a.checkWritable(); err != nil {
		return err
	}
	if err := files.CheckDescriptor(desc); err != nil {
		return err
	}
	listed := false
	_ = a.index(ctx, func(ix *index.Index) error { _, listed = ix.Lists(desc.Digest); return nil })
	if !listed {
		b, err := catalog.OpenBlob(a.Catalog, desc)
		if err != nil {
			return err
		}
		_ = b.Close()
		if err := catalog.CheckUnneeded(ctx, a.Catalog, desc); err != nil {
			return err
		}
	}
	a.mu.Lock()
	a.deleted = append(a.deleted, desc.Digest)
	a.rewrite = a.rewrite || !listed // the index does not change, but the blobs do
	a.mu.Unlock()
	return a.edit(index.Removal(desc.Digest))
}
