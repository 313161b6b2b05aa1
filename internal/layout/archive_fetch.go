package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/davit-oci/davit/internal/filelock"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// FetchBlob keeps a blob for Close that fetch writes, verified, into a file of dst beside the archive. The file stays until
// the archive is written: what an interrupted fetch left under the name is there for the next one, of any process, as
// Repository.FetchFile has it. errdef.ErrUnsupported: somebody else fetches it right now, or the file system knows no
// locks.
func (a *Archive) FetchBlob(ctx context.Context, desc ocispec.Descriptor, fetch func(dst *os.Root, name string) error) (artifact.Step, error) {
	if err := a.writable(); err != nil {
		return 0, err
	}
	if err := checkDescriptor(desc); err != nil {
		return 0, err
	}
	if a.has(desc) {
		return artifact.Skipped, nil
	}
	root, err := a.beside()
	if err != nil {
		return 0, err
	}
	defer func() { _ = root.Close() }()
	name := a.tempPrefix() + partPrefix + filelock.Key(desc.Digest.String())
	f, err := openPart(root, name)
	if err != nil {
		return 0, fmt.Errorf("fetching %s: %w", blobLabel(a.catalog, desc.Digest), err)
	}
	if !isWhole(ctx, root, name, f, desc) {
		if err := fetch(root, name); err != nil {
			_ = f.Close()
			return 0, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.staged[desc.Digest] = staged{desc: desc, spool: extent{f, 0, desc.Size}}
	a.spools.files = append(a.spools.files, f) // open, and with that locked, until Close
	a.spools.parts = append(a.spools.parts, name)
	return artifact.Done, nil
}

// isWhole tells whether a file has all of a blob: a fetch that ended well leaves no journal.
func isWhole(ctx context.Context, root *os.Root, name string, f *os.File, desc ocispec.Descriptor) bool {
	if _, err := root.Lstat(name + journalSuffix); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if info, err := f.Stat(); err != nil || info.Size() != desc.Size {
		return false
	}
	h := desc.Digest.Algorithm().Hash()
	err := hashExtent(ctx, extent{f, 0, desc.Size}, h, 0, orSilent(nil))
	return err == nil && digest.NewDigest(desc.Digest.Algorithm(), h) == desc.Digest
}

// beside opens the directory of the archive, which is made.
func (a *Archive) beside() (*os.Root, error) {
	dir := filepath.Dir(a.file)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

// dropParts removes the files of FetchBlob, which are in the archive now.
func (a *Archive) dropParts() {
	root, err := a.beside()
	if err != nil {
		return
	}
	defer func() { _ = root.Close() }()
	for _, name := range a.spools.parts {
		_ = root.Remove(name)
		_ = root.Remove(name + journalSuffix) // most often there is none
	}
	a.spools.parts = nil
}
