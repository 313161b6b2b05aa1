package layout

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"time"

	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// prepare makes the directory a layout, if it isn't one yet, and takes the lock that writers share.
func (l *Layout) prepare(ctx context.Context) error {
	if l.mode != reference.Write {
		return &fs.PathError{Op: "write", Path: l.Path, Err: errors.New("opened for reading")}
	}
	l.preparing.Lock()
	defer l.preparing.Unlock()
	if l.writers != nil {
		return nil
	}
	for {
		root, err := l.makeRoot()
		if err != nil {
			return err
		}
		if err := l.makeLayout(ctx, root); err != nil {
			return files.InRoot(root, err)
		}
		// The last writer removes a layout that stayed empty, and may have done so just now.
		here, err := root.Stat(".")
		there, thereErr := os.Stat(l.Path)
		if err == nil && thereErr == nil && os.SameFile(here, there) {
			files.SweepTemps(root, files.TempDir, "")
			return nil
		}
		l.leave()
	}
}

// makeRoot creates the directory, if necessary, and opens it.
func (l *Layout) makeRoot() (*os.Root, error) {
	if root := l.currentRoot(); root != nil {
		return root, nil
	}
	_, err := os.Stat(l.Path)
	made := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(l.Path, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(l.Path)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.root, l.made.dir = root, made
	l.mu.Unlock()
	return root, l.check()
}

// leave closes the directory and releases the lock.
func (l *Layout) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writers != nil {
		_ = l.writers.Close()
	}
	l.latest.close()
	if l.root != nil {
		_ = l.root.Close()
	}
	l.writers, l.latest, l.root = nil, nil, nil
}

// makeLayout takes the shared lock, which excludes collectors of other processes, and creates the missing files of a layout.
func (l *Layout) makeLayout(ctx context.Context, root *os.Root) error {
	if err := root.MkdirAll(ocispec.ImageBlobsDir, 0o777); err != nil {
		return err
	}
	writers, err := root.Open(ocispec.ImageBlobsDir)
	if err != nil {
		return err
	}
	filelock.WaitShared(ctx, writers)
	l.writers = writers
	version, _ := json.Marshal(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
	if _, err := l.create(ocispec.ImageLayoutFile, version); err != nil {
		return err
	}
	empty, _, err := index.New().Text()
	if err != nil {
		return err
	}
	data, _ := io.ReadAll(empty)
	l.made.index, err = l.create(ocispec.ImageIndexFile, data)
	return err
}

// create creates a small file, unless it exists, and reports whether it did.
func (l *Layout) create(name string, data []byte) (bool, error) {
	if _, err := l.root.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	f, temp, err := l.createTemp()
	if err != nil {
		return false, err
	}
	defer f.Close()
	defer l.root.Remove(temp)
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return false, err
	}
	err = l.root.Link(temp, name)
	if errors.Is(err, fs.ErrExist) {
		return false, nil // another process was faster
	}
	if err != nil { // a file system without hard links
		err = l.root.Rename(temp, name)
	}
	return err == nil, err
}

// Close writes the batch, removes stored blobs that no manifest needs, and closes the layout, even if err is set or the context is
// canceled. It returns err or, if err is nil, its own error. A second call does nothing.
func (l *Layout) Close(ctx context.Context, err error) error {
	l.preparing.Lock()
	defer l.preparing.Unlock()
	if l.writers != nil {
		ctx = context.WithoutCancel(ctx)
		if flushErr := l.Flush(ctx); err == nil {
			err = flushErr
		}
		l.tidy(ctx)
	}
	l.leave()
	return err
}

// tidy removes the blobs that a failed push left without a manifest, and a layout that stayed empty. It ignores errors.
func (l *Layout) tidy(ctx context.Context) {
	l.mu.Lock()
	left := map[digest.Digest]bool{}
	for d, ours := range l.stored {
		if ours && !l.keep {
			left[d] = true
		}
	}
	clear(l.stored)
	l.mu.Unlock()
	if len(left) > 0 {
		_ = l.collect(ctx, collection{some: left})
	}
	_ = l.root.Remove(files.TempDir) // if it is empty
	empty := false
	err := l.index(ctx, func(ix *index.Index) error { empty = ix.Len() == 0; return nil })
	if l.made.index && err == nil && empty && l.lockExclusive() {
		l.unmake()
	}
}

// unmake removes a layout that this Layout has created, unless it has blobs or another process uses it.
func (l *Layout) unmake() {
	if _, err := l.root.Stat(files.TempDir); err == nil {
		return // another process uses it
	}
	algorithms, err := fs.ReadDir(l.root.FS(), ocispec.ImageBlobsDir)
	if err != nil {
		return
	}
	for _, a := range algorithms {
		if l.root.Remove(path.Join(ocispec.ImageBlobsDir, a.Name())) != nil {
			return // it has blobs
		}
	}
	for _, name := range []string{ocispec.ImageIndexFile, ocispec.ImageLayoutFile, ocispec.ImageBlobsDir} {
		_ = l.root.Remove(name)
	}
	if l.made.dir {
		_ = os.Remove(l.Path)
	}
}

// lockExclusive excludes other writers until unlockExclusive is called. It returns false if another process writes to the layout.
func (l *Layout) lockExclusive() bool { return filelock.TryUpgrade(l.writers) }

// unlockExclusive returns to the shared lock.
func (l *Layout) unlockExclusive() { filelock.Downgrade(l.writers) }

// collection determines which blobs collect removes.
type collection struct {
	some    map[digest.Digest]bool // blobs to remove if no listed manifest needs them, whatever their age
	before  time.Time              // other unneeded blobs stored before this time are removed too
	deleted []digest.Digest        // deleted manifests, which referrers do not keep
}

// collect removes blobs that no listed manifest needs, except those in l.stored. It removes nothing while another process writes to
// the layout, because a manifest that is not listed yet may need the blobs. Davit's processes hold a lock. Other tools do not, so
// a recent file that is not listed is taken as a sign that a tool is writing.
func (l *Layout) collect(ctx context.Context, c collection) error {
	l.editing.Lock()
	defer l.editing.Unlock()
	if !l.lockExclusive() {
		return nil
	}
	defer l.unlockExclusive()
	needed, err := l.findNeeded(ctx, c.deleted)
	if err != nil {
		return nil // needed blobs can't be determined
	}
	if l.hasFreshTemps() {
		return nil
	}
	blobs := l.listBlobs()
	l.mu.Lock()
	known := maps.Clone(l.stored) // read after the blobs were listed, because this Layout may store more of them at the same time
	l.mu.Unlock()
	unneeded := map[digest.Digest]bool{}
	maps.Copy(unneeded, c.some)
	for d, stored := range blobs {
		_, ours := known[d]
		switch {
		case needed[d] || ours || c.some[d]:
		case time.Since(stored) < freshFor:
			return nil
		case stored.Before(c.before):
			unneeded[d] = true
		}
	}
	aside := map[digest.Digest]string{}
	for d := range unneeded {
		if _, ours := known[d]; needed[d] || ours {
			continue
		}
		if name, ok := l.setAside(d); ok {
			aside[d] = name
		}
	}
	return l.discard(ctx, aside, c.deleted)
}

// findNeeded returns the digests that are reachable from the index. Manifests in deleted are not kept by their referrers.
func (l *Layout) findNeeded(ctx context.Context, deleted []digest.Digest) (map[digest.Digest]bool, error) {
	var roots []ocispec.Descriptor
	if err := l.index(ctx, func(ix *index.Index) error { roots = ix.Roots(); return nil }); err != nil {
		return nil, err
	}
	return catalog.NeededBy(ctx, l.Catalog, roots, deleted...)
}

// discard removes blobs that were set aside, and restores those that another process needs by now: see list. It restores all of
// them if the needed blobs can't be determined.
func (l *Layout) discard(ctx context.Context, aside map[digest.Digest]string, deleted []digest.Digest) error {
	if len(aside) == 0 {
		return nil
	}
	needed, err := l.findNeeded(ctx, deleted)
	for d, name := range aside {
		if err != nil || needed[d] {
			_ = l.root.Rename(name, catalog.BlobName(d))
		} else if err := l.root.Remove(name); err != nil {
			return files.InRoot(l.root, err)
		}
	}
	return nil
}

// setAside renames a blob, so that no other process relies on it while it is about to be removed.
func (l *Layout) setAside(d digest.Digest) (string, bool) {
	if err := l.root.Mkdir(files.TempDir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", false
	}
	name := path.Join(files.TempDir, files.LocalHost()+"-"+rand.Text())
	return name, l.root.Rename(catalog.BlobName(d), name) == nil
}

// listBlobs returns the digests of the blobs on the disk, with their modification times.
func (l *Layout) listBlobs() map[digest.Digest]time.Time {
	blobs := map[digest.Digest]time.Time{}
	_ = fs.WalkDir(l.root.FS(), ocispec.ImageBlobsDir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		d := digest.Digest(path.Base(path.Dir(name)) + ":" + path.Base(name))
		info, err := entry.Info()
		if err == nil && d.Validate() == nil && catalog.BlobName(d) == name {
			blobs[d] = info.ModTime()
		}
		return nil
	})
	return blobs
}
