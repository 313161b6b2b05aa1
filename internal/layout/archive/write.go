package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	rand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/durable"
	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/pause"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// Close writes the staged content and the changes, if there are any and err is nil, and closes the archive. It returns err or, if
// err is nil, its own error. A second call does nothing.
func (a *Archive) Close(ctx context.Context, err error) error {
	a.mu.Lock()
	closed := a.closed
	a.closed = true
	a.mu.Unlock()
	if closed {
		return err
	}
	if err == nil {
		err = a.commit(ctx)
	}
	for _, f := range a.spools.files {
		_ = f.Close()
	}
	a.spools.files, a.staged = nil, nil
	if closeErr := a.old.close(); err == nil {
		return closeErr
	}
	return err
}

// commit writes the staged content and the changes, if there are any.
func (a *Archive) commit(ctx context.Context) error {
	if !a.hasRepairs(ctx) && !a.rewrite && len(a.changes) == 0 {
		return nil
	}
	a.viewing.Lock()
	a.current = index.New() // freed, because write reads the index again
	a.viewing.Unlock()
	err := a.write(ctx, a.changes)
	if err == nil {
		a.dropParts()
	}
	return err
}

// hasRepairs reports whether a staged blob was missing or damaged although the index needs it.
func (a *Archive) hasRepairs(ctx context.Context) bool {
	if len(a.staged) == 0 {
		return false
	}
	var roots []ocispec.Descriptor
	_ = a.index(ctx, func(ix *index.Index) error { roots = ix.Roots(); return nil })
	needed, _ := catalog.NeededBy(ctx, a.Catalog, roots)
	for d := range a.staged {
		if needed[d] {
			return true
		}
	}
	return false
}

// write applies the changes to the archive that is on the disk now, under a lock on its directory. Safety does not depend on the
// lock: the archive is replaced only if it is still the version that was read, and without the lock it is checked again
// afterwards.
func (a *Archive) write(ctx context.Context, changes []index.Change) error {
	dir := filepath.Dir(a.file)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	a.sweep()
	for range catalog.MaxIndexEdits {
		lock := a.lock(ctx, dir)
		err := a.writeOnce(ctx, changes)
		if err == nil && lock == nil {
			err = a.confirm(ctx, changes)
		}
		lock.Release()
		if err == nil {
			_ = durable.SyncDir(dir) // not all file systems can sync directories; the rename is done anyway
		}
		if !errors.Is(err, catalog.ErrIndexChanged) {
			return err
		}
		if err := pause.For(ctx, rand.N(catalog.EditPause)); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: other writers changed it %d times", a.Path, catalog.MaxIndexEdits)
}

func (a *Archive) lock(ctx context.Context, dir string) *filelock.Lock {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	return filelock.WaitFile(ctx, d)
}

// writeOnce writes a new archive with the changes and replaces the current one. It fails with catalog.ErrIndexChanged if another
// process has replaced the archive meanwhile.
func (a *Archive) writeOnce(ctx context.Context, changes []index.Change) error {
	return a.withLatest(func(now *tarFile) error {
		ix := now.index.Clone()
		for _, c := range changes {
			if err := c.Apply(ix); err != nil && !errors.Is(err, errdef.ErrNotFound) {
				return err
			}
		}
		ix.Sort()
		temp, err := a.compose(ctx, ix, now)
		if err != nil {
			return err
		}
		// The file stays open, and therefore locked, until it is renamed, so that no other process sweeps it.
		defer func() { _, _ = temp.Close(), os.Remove(temp.Name()) }() // Remove fails after a rename
		return now.replace(temp.Name(), a.file)
	})
}

// confirm checks whether the written changes are still in the archive. It first waits for processes that have read the older
// archive and may overwrite the new one. It fails with catalog.ErrIndexChanged.
func (a *Archive) confirm(ctx context.Context, changes []index.Change) error {
	if err := pause.For(ctx, catalog.EditPause+rand.N(catalog.EditPause)); err != nil {
		return err
	}
	return a.withLatest(func(now *tarFile) error {
		for _, c := range changes {
			if !c.Holds(now.index) {
				return catalog.ErrIndexChanged
			}
		}
		return nil
	})
}

// withLatest calls fn with the archive that is on the disk now. During the call, a.old is that archive.
func (a *Archive) withLatest(fn func(now *tarFile) error) error {
	now, err := OpenTar(a.file)
	if errors.Is(err, fs.ErrNotExist) {
		now, err = &tarFile{index: index.New()}, nil
	}
	if err != nil {
		return err
	}
	a.mu.Lock()
	first := a.old
	a.old = now
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.old = first
		a.mu.Unlock()
		_ = now.close()
	}()
	return fn(now)
}

// compose writes a new archive under a temporary name, with an index and the blobs that are reachable from it. The returned file is
// open.
func (a *Archive) compose(ctx context.Context, ix *index.Index, now *tarFile) (f *os.File, err error) {
	digests, err := a.listKept(ctx, ix, now)
	if err != nil {
		return nil, err
	}
	if f, err = a.createTemp(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_, _ = f.Close(), os.Remove(f.Name())
		}
	}()
	if now.file != nil {
		if err := f.Chmod(now.info.Mode().Perm()); err != nil {
			return f, err
		}
	}
	w := &tarWriter{file: f}
	version, _ := json.Marshal(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
	list, size, err := ix.Text()
	if err != nil {
		return f, err
	}
	if err := w.add(ctx, ocispec.ImageLayoutFile, bytes.NewReader(version), ocispec.Descriptor{Size: int64(len(version))}); err != nil {
		return f, err
	}
	if err := w.add(ctx, ocispec.ImageIndexFile, list, ocispec.Descriptor{Size: size}); err != nil {
		return f, err
	}
	for _, d := range digests {
		if err := a.addBlob(ctx, w, d); err != nil {
			return f, err
		}
	}
	return f, w.end()
}

// listKept lists the blobs of the new archive, sorted: existing and staged blobs that are reachable from its index. If a manifest
// can't be read, it is unknown which blobs are needed, so all are kept.
func (a *Archive) listKept(ctx context.Context, ix *index.Index, now *tarFile) ([]digest.Digest, error) {
	needed, err := catalog.NeededBy(ctx, a.Catalog, ix.Roots(), a.deleted...)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var digests []digest.Digest
	for d := range now.blobs {
		if err != nil || needed[d] {
			digests = append(digests, d)
		}
	}
	for d := range a.staged {
		if _, there := now.blobs[d]; !there && (err != nil || needed[d]) {
			digests = append(digests, d)
		}
	}
	slices.Sort(digests)
	return digests, nil
}

// addBlob copies a blob into the new archive and verifies it, even if the blob was in the old archive.
func (a *Archive) addBlob(ctx context.Context, w *tarWriter, d digest.Digest) error {
	b, err := a.openBlob(d)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	err = w.add(ctx, catalog.BlobName(d), b, ocispec.Descriptor{Digest: d, Size: b.Extent.Size})
	if s, ok := a.staged[d]; ok && s.spool.File == nil && errors.Is(err, artifact.ErrRefused) {
		return &artifact.Error{Op: "writing", Item: b.File.Name(), Err: artifact.ErrChanged}
	}
	return err
}

// tarWriter writes a tar whose bytes depend only on the names and contents of its entries.
type tarWriter struct {
	file *os.File
	at   int64
}

// add appends an entry, and verifies its content against desc.
func (w *tarWriter) add(ctx context.Context, name string, r io.Reader, desc ocispec.Descriptor) error {
	var header bytes.Buffer
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: desc.Size, Mode: 0o644, ModTime: time.Unix(0, 0)}
	if err := tar.NewWriter(&header).WriteHeader(h); err != nil {
		return err
	}
	if _, err := w.file.WriteAt(header.Bytes(), w.at); err != nil {
		return err
	}
	w.at += int64(header.Len())
	if _, err := files.Fill(ctx, files.Position{File: w.file, Offset: w.at}, r, desc, nil); err != nil {
		return err
	}
	w.at += (desc.Size + 511) / 512 * 512
	return nil
}

// end appends the two blocks of zeros that end a tar, and syncs the file.
func (w *tarWriter) end() error {
	if err := w.file.Truncate(w.at + 1024); err != nil {
		return err
	}
	return w.file.Sync()
}
