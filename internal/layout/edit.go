package layout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	rand "math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/davit-oci/davit/internal/durable"
	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/pause"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// snapshot is a version of index.json. The file stays open, so that the file system does not reuse its inode: comparing inodes
// shows whether index.json was replaced.
type snapshot struct {
	index *index.Index
	file  *os.File // nil if there is no index.json
	info  fs.FileInfo
}

func (s *snapshot) close() {
	if s != nil && s.file != nil {
		_ = s.file.Close()
	}
}

// isCurrent reports whether index.json is unchanged, given the result of Stat for it.
func (s *snapshot) isCurrent(info fs.FileInfo, err error) bool {
	if s.file == nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return err == nil && os.SameFile(info, s.info) && info.Size() == s.info.Size() && info.ModTime().Equal(s.info.ModTime())
}

// index calls fn with the current index.
func (l *Layout) index(ctx context.Context, fn func(*index.Index) error) error {
	if l.currentRoot() == nil {
		return fn(index.New())
	}
	l.mu.Lock()
	ix := l.batch.view
	l.mu.Unlock()
	if ix == nil {
		s, err := l.readSnapshot(ctx)
		if err != nil {
			return err
		}
		ix = s.index
	}
	l.viewing.RLock()
	defer l.viewing.RUnlock()
	return fn(ix)
}

// readSnapshot returns the current index.json, from memory if it is unchanged.
func (l *Layout) readSnapshot(ctx context.Context) (*snapshot, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.latest != nil && l.latest.isCurrent(l.root.Stat(ocispec.ImageIndexFile)) {
		return l.latest, nil
	}
	l.latest.close()
	l.latest = nil // freed before the next one is read
	s, err := readSnapshot(ctx, l.root)
	if err != nil {
		return nil, err
	}
	l.latest = s
	return s, nil
}

// readSnapshot reads index.json from the disk.
func readSnapshot(ctx context.Context, root *os.Root) (s *snapshot, err error) {
	err = files.Reread(ctx, func() (changed time.Time, err error) {
		s, changed, err = readSnapshotOnce(root)
		return changed, err
	})
	return s, err
}

func readSnapshotOnce(root *os.Root) (_ *snapshot, changed time.Time, err error) {
	f, err := files.OpenRegular(root, ocispec.ImageIndexFile)
	if errors.Is(err, fs.ErrNotExist) {
		return &snapshot{index: index.New()}, changed, nil
	}
	if err != nil {
		return nil, changed, err
	}
	s := &snapshot{file: f}
	if s.info, err = f.Stat(); err == nil {
		changed = s.info.ModTime()
		s.index, err = readIndex(f, s.info.Size())
	}
	if err != nil {
		s.close()
		return nil, changed, err
	}
	return s, changed, nil
}

// readIndex parses an index.json of size bytes.
func readIndex(f *os.File, size int64) (*index.Index, error) {
	return index.Read(f, f.Name(), size)
}

// edit applies the batch and a change to index.json. A lock excludes other processes, but safety does not depend on the lock:
// index.json is replaced only if it is still the version that was read, and it is checked again afterwards.
func (l *Layout) edit(ctx context.Context, c index.Change) error {
	l.editing.Lock()
	defer l.editing.Unlock()
	err := l.editLocked(ctx, c)
	if err == nil {
		l.mu.Lock()
		l.batch.changes, l.batch.base, l.batch.view = nil, nil, nil
		l.mu.Unlock()
	}
	return err
}

func (l *Layout) editLocked(ctx context.Context, c index.Change) error {
	for range catalog.MaxIndexEdits {
		lock := l.lockIndex(ctx)
		wrote, err := l.editOnce(ctx, c)
		if err == nil && wrote {
			err = l.confirm(ctx, c, lock != nil)
		}
		lock.Release()
		if !errors.Is(err, catalog.ErrIndexChanged) {
			return files.InRoot(l.root, err)
		}
		if err := pause.For(ctx, rand.N(catalog.EditPause)); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: other writers changed it %d times", filepath.Join(l.Path, ocispec.ImageIndexFile), catalog.MaxIndexEdits)
}

// lockIndex takes the lock of index.json, which is on oci-layout because that file is never replaced. It returns nil if the lock
// can't be taken.
func (l *Layout) lockIndex(ctx context.Context) *filelock.Lock {
	f, err := l.root.OpenFile(ocispec.ImageLayoutFile, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) {
		f, err = l.root.Open(ocispec.ImageLayoutFile)
	}
	if err != nil {
		return nil
	}
	return filelock.WaitFile(ctx, f)
}

// editOnce reads, changes, and replaces index.json. It reports whether it wrote the file.
func (l *Layout) editOnce(ctx context.Context, c index.Change) (bool, error) {
	s, err := l.readSnapshot(ctx)
	if err != nil {
		return false, err
	}
	ix, err := l.withBatch(s)
	if err == nil {
		err = c.Apply(ix)
	}
	if err != nil || ix.Version() == s.index.Version() {
		return false, err
	}
	return true, l.replaceIndex(s, ix)
}

// replaceIndex replaces the index.json that was read with a new one. The blobs that it lists are synced first.
func (l *Layout) replaceIndex(s *snapshot, ix *index.Index) error {
	text, _, err := ix.Text()
	if err != nil {
		return err
	}
	f, name, err := l.createTemp()
	if err != nil {
		return err
	}
	next := &snapshot{index: ix, file: f}
	if s.file != nil {
		err = f.Chmod(s.info.Mode().Perm())
	}
	if err == nil {
		_, err = io.Copy(f, text)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		next.info, err = f.Stat()
	}
	if err == nil {
		l.syncBlobs()
		if !s.isCurrent(l.root.Stat(ocispec.ImageIndexFile)) {
			err = catalog.ErrIndexChanged
		}
	}
	if err == nil {
		err = l.root.Rename(name, ocispec.ImageIndexFile)
	}
	if err != nil {
		next.close()
		_ = l.root.Remove(name)
		return err
	}
	_ = durable.SyncDirs(l.root, []string{"."}) // not all file systems can sync directories; the rename is done anyway
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latest.close()
	l.latest = next
	return nil
}

// confirm checks whether the written changes are still in index.json. Without the lock, it first waits for processes that have
// read the older index and may overwrite the new one. It fails with ErrIndexChanged if a change is lost.
func (l *Layout) confirm(ctx context.Context, c index.Change, locked bool) error {
	if !locked {
		if err := pause.For(ctx, catalog.EditPause+rand.N(catalog.EditPause)); err != nil {
			return err
		}
	}
	l.mu.Lock()
	wrote, changes := l.latest, l.batch.changes
	l.mu.Unlock()
	s, err := l.readSnapshot(ctx)
	if err != nil || s == wrote {
		return err
	}
	for _, c := range append(changes[:len(changes):len(changes)], c) {
		if !c.Holds(s.index) {
			return catalog.ErrIndexChanged
		}
	}
	return nil
}

// syncBlobs syncs the directories of new blobs, so that their names are durable.
func (l *Layout) syncBlobs() {
	l.mu.Lock()
	dirty := l.dirty
	l.dirty = map[string]bool{}
	l.mu.Unlock()
	var dirs []string
	for dir := range dirty {
		dirs = append(dirs, dir, path.Dir(dir))
	}
	_ = durable.SyncDirs(l.root, dirs) // as in replaceIndex
}
