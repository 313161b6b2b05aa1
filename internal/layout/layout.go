package layout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// Layout is an OCI image layout in a directory. Several processes may use a layout at the same time: a blob appears under its
// digest only when it is complete and verified, and index.json is replaced atomically, and only if it has not changed since it
// was read.
type Layout struct {
	*catalog.Catalog
	mode reference.Mode

	preparing sync.Mutex   // held while the layout is created or closed
	editing   sync.Mutex   // held while index.json or the set of blobs is changed
	viewing   sync.RWMutex // held while the index of the batch is read or changed

	mu   sync.Mutex // guards the fields below
	root *os.Root   // nil until the first write creates the directory
	made made       // what this Layout has created
	// writers holds a lock, shared with other writers, while this Layout may rely on blobs that no manifest refers to yet.
	writers *os.File
	stored  map[digest.Digest]bool // blobs that no listed manifest needs yet; true: this Layout has stored the blob
	keep    bool                   // Close keeps unneeded blobs
	dirty   map[string]bool        // directories of new blobs that have not been synced
	latest  *snapshot              // the last version of index.json that was read or written
	batch   batch
}

// made records whether this Layout has created the directory and its index.json.
type made struct{ dir, index bool }

// Open opens the layout in a directory. For Write, the directory may be missing or empty; the first write makes it a layout. For
// Read, Open fails with errdef.ErrNotFound if there is no layout.
func Open(name string, mode reference.Mode) (*Layout, error) {
	l := &Layout{Catalog: catalog.New(name), mode: mode, stored: map[digest.Digest]bool{}, dirty: map[string]bool{}}
	l.Store = catalog.Access{Index: l.index, Blob: l.openBlob}
	if info, err := os.Stat(name); err == nil && !info.IsDir() { // opening a named pipe would wait for a writer
		return nil, catalog.OpenError(name, errors.New("not a directory"), catalog.ArchiveHint)
	}
	root, err := os.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		if catalog.IsCompressed(name) {
			return nil, catalog.OpenError(name, errors.New("named like a compressed archive"), catalog.ArchiveHint)
		}
		if mode == reference.Write {
			return l, nil
		}
		return nil, &artifact.Error{Op: "layout", Item: name, Err: errdef.ErrNotFound}
	}
	if err != nil {
		return nil, err
	}
	l.root = root
	if err := l.check(); err != nil {
		_ = root.Close()
		return nil, err
	}
	return l, nil
}

// check fails if the directory is neither a layout nor, for Write, empty.
func (l *Layout) check() error {
	data, err := l.readFile(ocispec.ImageLayoutFile, 64<<10)
	switch {
	case err == nil:
		if err := catalog.CheckLayoutFile(l.Path, data); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	declared := err == nil
	_, err = l.root.Lstat(ocispec.ImageIndexFile)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if l.mode == reference.Read {
		return &artifact.Error{Op: "opening", Item: l.Path, Err: reference.Invalid(catalog.ErrNoLayout, errdef.ErrNotFound)}
	}
	entries, err := fs.ReadDir(l.root.FS(), ".")
	if err != nil {
		return err
	}
	foreign := func(e fs.DirEntry) bool {
		switch e.Name() {
		case files.TempDir, ocispec.ImageBlobsDir: // another process may be creating the layout: these come first
			return false
		case ocispec.ImageLayoutFile, ocispec.ImageIndexFile: // another process created it since the reads above
			return !e.Type().IsRegular()
		}
		return true
	}
	if !declared && slices.ContainsFunc(entries, foreign) {
		return catalog.OpenError(l.Path, catalog.ErrNoLayout, "")
	}
	return nil
}

// readFile reads a file of at most limit bytes.
func (l *Layout) readFile(name string, limit int64) ([]byte, error) {
	f, err := files.OpenRegular(l.root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, artifact.Refused(path.Join(l.Path, name), "file too large: limit is %d KiB", limit>>10)
	}
	return data, err
}

// openBlob opens the blob stored under a digest.
func (l *Layout) openBlob(d digest.Digest) (*files.Blob, error) {
	root := l.currentRoot()
	if root == nil {
		return nil, fs.ErrNotExist
	}
	f, err := files.OpenRegular(root, catalog.BlobName(d))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return files.NewBlobFile(files.Extent{File: f, Offset: 0, Size: info.Size()}, f.Close), nil
}

// currentRoot returns the open directory, or nil if it does not exist yet.
func (l *Layout) currentRoot() *os.Root {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.root
}

// Push stores a blob or a manifest. The blobs of a manifest must be stored already. It does not read r if the blob exists.
func (l *Layout) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	if err := files.CheckDescriptor(desc); err != nil {
		return err
	}
	if err := l.prepare(ctx); err != nil {
		return err
	}
	if manifest.Is(desc.MediaType) {
		return l.pushManifest(ctx, desc, r)
	}
	if l.has(desc) {
		return nil
	}
	_, err := l.ingest(ctx, desc, r, nil)
	return err
}

// has reports whether a blob exists, and protects it from collection until a manifest needs it.
func (l *Layout) has(desc ocispec.Descriptor) bool {
	l.mu.Lock()
	if !l.stored[desc.Digest] {
		l.stored[desc.Digest] = false
	}
	l.mu.Unlock()
	b, err := catalog.OpenBlob(l.Catalog, desc)
	if err != nil {
		return false // a damaged blob is replaced
	}
	return b.Close() == nil
}

func (l *Layout) pushManifest(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	links, err := catalog.StoreManifest(l.Catalog, desc, r, func(r io.Reader) error {
		_, err := l.ingest(ctx, desc, r, nil)
		return err
	})
	if err != nil {
		return err
	}
	if err := l.list(ctx, desc, links); err != nil {
		return err
	}
	l.forgetStored(desc, links)
	return nil
}

// list adds a stored manifest to the index. At the same time, another process may be removing blobs that the manifest needs. That
// process checks the index again after setting the blobs aside, and list checks the blobs again after writing the index, so one
// of the two processes notices the other.
func (l *Layout) list(ctx context.Context, desc ocispec.Descriptor, links *catalog.Links) error {
	added := false
	c := catalog.Listing(l.Catalog, desc, links)
	if deferred, err := l.deferChange(ctx, c); deferred || err != nil {
		return err
	}
	err := l.edit(ctx, index.Change{Holds: c.Holds, Apply: func(ix *index.Index) error {
		before := ix.Version()
		err := c.Apply(ix)
		added = ix.Version() > before
		return err
	}})
	if err != nil {
		return err
	}
	if err := catalog.CheckComplete(l.Catalog, links); err != nil {
		if added {
			_ = l.edit(ctx, index.Removal(desc.Digest))
		}
		return fmt.Errorf("storing manifest %s: %w", catalog.BlobLabel(l.Catalog, desc.Digest), err)
	}
	return nil
}

// forgetStored removes a listed manifest and its blobs from l.stored.
func (l *Layout) forgetStored(desc ocispec.Descriptor, links *catalog.Links) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.stored, desc.Digest)
	for _, d := range slices.Concat(links.Children, links.Blobs) {
		delete(l.stored, d.Digest)
	}
}

// PushBlob stores a blob in one pass. The digest need not be known in advance. A file is cloned or copied by the kernel.
func (l *Layout) PushBlob(ctx context.Context, b artifact.Blob, report func(done int64)) (ocispec.Descriptor, artifact.Step, error) {
	desc := b.Descriptor()
	if err := l.prepare(ctx); err != nil {
		return desc, 0, err
	}
	if b.Digest != "" {
		if err := files.CheckDescriptor(desc); err != nil {
			return desc, 0, err
		}
		if l.has(desc) {
			return desc, artifact.Skipped, nil
		}
	}
	r, err := b.Open(0)
	if err != nil {
		return desc, 0, err
	}
	defer r.Close()
	got, err := l.ingest(ctx, desc, r, report)
	return got, artifact.Done, err
}

// FetchBlob stores a blob that fetch writes to the file name in dst and verifies. A later call, in any process, gets the same
// name, so that fetch can resume an interrupted download: see Repository.FetchFile. FetchBlob fails with errdef.ErrUnsupported if
// another process is fetching the blob, or if the file system does not support locks.
func (l *Layout) FetchBlob(ctx context.Context, desc ocispec.Descriptor, fetch func(dst *os.Root, name string) error) (artifact.Step, error) {
	if err := files.CheckDescriptor(desc); err != nil {
		return 0, err
	}
	if err := l.prepare(ctx); err != nil {
		return 0, err
	}
	if l.has(desc) {
		return artifact.Skipped, nil
	}
	f, name, err := l.openPart(desc)
	if err != nil {
		return 0, err
	}
	defer f.Close() // releases the lock too
	if err := fetch(l.root, name); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	return artifact.Done, l.place(name, desc.Digest)
}

// openPart opens and locks the file into which a blob is fetched.
func (l *Layout) openPart(desc ocispec.Descriptor) (*os.File, string, error) {
	if err := l.root.Mkdir(files.TempDir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, "", files.InRoot(l.root, err)
	}
	name := path.Join(files.TempDir, files.PartPrefix+filelock.Key(desc.Digest.String()))
	f, err := files.OpenPart(l.root, name)
	if err != nil {
		return nil, "", fmt.Errorf("fetching %s: %w", catalog.BlobLabel(l.Catalog, desc.Digest), err)
	}
	return f, name, nil
}

// Keep makes Close keep stored blobs that no manifest needs, so that a later process can resume.
func (l *Layout) Keep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep = true
}

// ingest writes a blob to a temporary file, and renames the file if it matches the digest and size of desc, where they are set.
func (l *Layout) ingest(ctx context.Context, desc ocispec.Descriptor, r io.Reader, report func(int64)) (got ocispec.Descriptor, err error) {
	f, name, err := l.createTemp()
	if err != nil {
		return desc, err
	}
	defer func() {
		if closed := f.Close(); err == nil && closed != nil {
			err = closed
		}
		if err != nil {
			_ = l.root.Remove(name)
		}
	}()
	if got, err = files.Fill(ctx, files.Position{File: f, Offset: 0}, r, desc, report); err != nil {
		return got, err
	}
	if err := f.Sync(); err != nil {
		return got, err
	}
	return got, l.place(name, got.Digest)
}

// place renames a verified temporary file to its final name.
func (l *Layout) place(name string, d digest.Digest) error {
	final := catalog.BlobName(d)
	if err := l.root.MkdirAll(path.Dir(final), 0o777); err != nil {
		return files.InRoot(l.root, err)
	}
	l.mu.Lock() // until the blob is in l.stored, which collect reads
	defer l.mu.Unlock()
	if err := l.root.Rename(name, final); err != nil {
		return files.InRoot(l.root, err)
	}
	l.stored[d], l.dirty[path.Dir(final)] = true, true
	return nil
}

// createTemp creates a temporary file. It tries again if another process has removed the empty directory in between.
func (l *Layout) createTemp() (*os.File, string, error) {
	for {
		if err := l.root.Mkdir(files.TempDir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, "", files.InRoot(l.root, err)
		}
		f, name, err := files.CreateTemp(l.root, files.TempDir, "")
		if !errors.Is(err, fs.ErrNotExist) {
			return f, name, files.InRoot(l.root, err)
		}
		if _, err := l.root.Stat("."); err != nil {
			return nil, "", files.InRoot(l.root, err)
		}
	}
}
