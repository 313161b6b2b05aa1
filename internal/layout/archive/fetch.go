package archive

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/layout/files"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// FetchBlob stages a blob for Close. fetch writes the blob to the file name in dst, the directory of the archive, and verifies it.
// The file stays until the archive is written. A later call, in any process, gets the same name, so that fetch can
// resume an interrupted download: see Repository.FetchFile. FetchBlob fails with errdef.ErrUnsupported if another process is
// fetching the blob, or if the file system does not support locks.
func (a *Archive) FetchBlob(ctx context.Context, desc ocispec.Descriptor, fetch func(dst *os.Root, name string) error) (artifact.Step, error) {
	if err := a.checkWritable(); err != nil {
		return 0, err
	}
	if err := files.CheckDescriptor(desc); err != nil {
		return 0, err
	}
	if a.has(desc) {
		return artifact.Skipped, nil
	}
	root, err := a.openDir()
	if err != nil {
		return 0, err
	}
	defer func() { _ = root.Close() }()
	name := a.tempPrefix() + files.PartPrefix + filelock.Key(desc.Digest.String())
	f, err := files.OpenPart(root, name)
	if err != nil {
		return 0, fmt.Errorf("fetching %s: %w", catalog.BlobLabel(a.Catalog, desc.Digest), err)
	}
	if !files.IsComplete(ctx, root, name, f, desc) {
		if err := fetch(root, name); err != nil {
			_ = f.Close()
			return 0, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.staged[desc.Digest] = staged{desc: desc, spool: files.Extent{File: f, Offset: 0, Size: desc.Size}}
	a.spools.files = append(a.spools.files, f) // stays open until Close, which keeps the lock
	a.spools.parts = append(a.spools.parts, name)
	return artifact.Done, nil
}

// openDir opens the directory of the archive, and creates it if necessary.
func (a *Archive) openDir() (*os.Root, error) {
	dir := filepath.Dir(a.file)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

// dropParts removes the files of FetchBlob, after their content has been written to the archive.
func (a *Archive) dropParts() {
	root, err := a.openDir()
	if err != nil {
		return
	}
	defer func() { _ = root.Close() }()
	for _, name := range a.spools.parts {
		_ = root.Remove(name)
		_ = root.Remove(name + files.JournalSuffix) // usually it does not exist
	}
	a.spools.parts = nil
}
