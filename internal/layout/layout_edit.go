package layout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/pause"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// change is an edit of an index that can be made again on a newer one.
type change struct {
	apply func(*index) error
	// holds tells whether the index, which others may have changed since, still has what apply did to it.
	holds func(*index) bool
}

// listing puts a stored manifest into an index, unless it is reached already, and takes out what is reached through it.
func listing(c *catalog, desc ocispec.Descriptor, l *links) change {
	return change{
		apply: func(ix *index) error {
			there, err := isReached(context.Background(), c, ix, desc.Digest)
			if err != nil || there {
				return err
			}
			ix.add(listEntry(desc, l))
			ix.fold(withoutSubject(c, l.children))
			return nil
		},
		holds: func(ix *index) bool {
			there, err := isReached(context.Background(), c, ix, desc.Digest)
			return err != nil || there
		},
	}
}

// withoutSubject leaves referrers out: they are looked for in the index first.
func withoutSubject(c *catalog, children []ocispec.Descriptor) []ocispec.Descriptor {
	return slices.DeleteFunc(slices.Clone(children), func(d ocispec.Descriptor) bool {
		l, err := linksOf(c, d)
		return err != nil || l.subject != ""
	})
}

// tagging moves a tag. Where two processes move one tag, either may win.
func tagging(entry ocispec.Descriptor, tag string) change {
	return change{
		apply: func(ix *index) error { ix.tag(entry, tag); return nil },
		holds: func(ix *index) bool { _, err := ix.find(tag); return err == nil },
	}
}

// untagging removes a tag that is there.
func untagging(tag string) change {
	var was digest.Digest
	return change{
		apply: func(ix *index) error {
			e, err := ix.find(tag)
			if err != nil {
				return err
			}
			was = e.Digest
			return ix.untag(tag)
		},
		holds: func(ix *index) bool { // another writer may have set it anew
			e, err := ix.find(tag)
			return err != nil || e.Digest != was
		},
	}
}

// removal takes a manifest out of the index.
func removal(d digest.Digest) change {
	return change{
		apply: func(ix *index) error { ix.remove(d); return nil },
		holds: func(ix *index) bool { _, ok := ix.lists(d); return !ok },
	}
}

// snapshot is an index.json as it was read. The open file keeps the file system from giving its inode to another, so
// that a look at the inode tells whether index.json was replaced.
type snapshot struct {
	index *index
	file  *os.File // nil: there is none
	info  fs.FileInfo
}

func (s *snapshot) close() {
	if s != nil && s.file != nil {
		_ = s.file.Close()
	}
}

// is tells whether a file is the one that was read, unchanged.
func (s *snapshot) is(info fs.FileInfo, err error) bool {
	if s.file == nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return err == nil && os.SameFile(info, s.info) && info.Size() == s.info.Size() && info.ModTime().Equal(s.info.ModTime())
}

// index gives the index as it is now. It is not to be changed.
func (l *Layout) index(ctx context.Context) (*index, error) {
	root := l.opened()
	if root == nil {
		return newIndex(), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.latest != nil && l.latest.is(root.Stat(ocispec.ImageIndexFile)) {
		return l.latest.index, nil
	}
	latest, err := readSnapshot(ctx, root)
	if err != nil {
		return nil, err
	}
	l.latest.close()
	l.latest = latest
	return latest.index, nil
}

// readSnapshot reads index.json. Other tools write it in place, so a broken one may be whole in a moment.
func readSnapshot(ctx context.Context, root *os.Root) (*snapshot, error) {
	for try := 0; ; try++ {
		s, err := readSnapshotOnce(root)
		var syntax *json.SyntaxError
		if !errors.As(err, &syntax) || try == 3 || pause.For(ctx, 20*time.Millisecond) != nil {
			return s, err
		}
	}
}

func readSnapshotOnce(root *os.Root) (*snapshot, error) {
	f, err := openRegular(root, ocispec.ImageIndexFile)
	if errors.Is(err, fs.ErrNotExist) {
		return &snapshot{index: newIndex()}, nil
	}
	if err != nil {
		return nil, err
	}
	s := &snapshot{file: f}
	if s.info, err = f.Stat(); err == nil {
		s.index, err = readIndex(f, s.info.Size())
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// readIndex reads the index.json of a layout or archive.
func readIndex(f *os.File, size int64) (*index, error) {
	return readIndexFrom(f, f.Name(), size)
}

func readIndexFrom(r io.Reader, name string, size int64) (*index, error) {
	if size > maxIndex {
		return nil, artifact.Refused(name, "it has %d bytes; %d are allowed", size, maxIndex)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxIndex))
	if err != nil {
		return nil, err
	}
	ix, err := parseIndex(data)
	if err != nil {
		return nil, artifact.Refused(name, "it can't be read: %w", err)
	}
	return ix, nil
}

// edit changes index.json. A lock keeps processes apart; that nothing is lost does not depend on it: index.json is not
// replaced if it is no longer the one that was read, and afterwards is looked at again.
func (l *Layout) edit(ctx context.Context, c change) error {
	l.editing.Lock()
	defer l.editing.Unlock()
	for range maxIndexEdits {
		lock := l.lockIndex(ctx)
		wrote, err := l.editOnce(ctx, c)
		if err == nil && wrote {
			err = l.confirm(ctx, c, lock != nil)
		}
		lock.Release()
		if !errors.Is(err, errIndexChanged) {
			return inRoot(l.root, err)
		}
		if err := pause.For(ctx, rand.N(editPause)); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: others changed it %d times", filepath.Join(l.path, ocispec.ImageIndexFile), maxIndexEdits)
}

// lockIndex takes the lock of index.json, which lies on oci-layout: that file is never replaced. nil: it can't be had.
func (l *Layout) lockIndex(ctx context.Context) *filelock.Lock {
	if l.unlocked {
		return nil
	}
	f, err := l.root.OpenFile(ocispec.ImageLayoutFile, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) {
		f, err = l.root.Open(ocispec.ImageLayoutFile)
	}
	if err != nil {
		return nil
	}
	return filelock.WaitFile(ctx, f)
}

// editOnce reads, changes and replaces index.json. It tells whether there was anything to change.
func (l *Layout) editOnce(ctx context.Context, c change) (bool, error) {
	s, err := readSnapshot(ctx, l.root)
	if err != nil {
		return false, err
	}
	defer s.close()
	before, err := s.index.marshal()
	if err != nil {
		return false, err
	}
	ix := s.index.clone()
	if err := c.apply(ix); err != nil {
		return false, err
	}
	data, err := ix.marshal()
	if err != nil || bytes.Equal(data, before) {
		return false, err
	}
	return true, l.replaceIndex(s, data)
}

// replaceIndex writes a new index.json in place of the one that was read. What it lists is on the disk before.
func (l *Layout) replaceIndex(s *snapshot, data []byte) error {
	f, name, err := l.temp()
	if err != nil {
		return err
	}
	defer f.Close()
	if s.file != nil {
		err = f.Chmod(s.info.Mode().Perm())
	}
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		l.syncBlobs()
		if !s.is(l.root.Stat(ocispec.ImageIndexFile)) {
			err = errIndexChanged
		}
	}
	if err == nil {
		err = l.root.Rename(name, ocispec.ImageIndexFile)
	}
	if err != nil {
		_ = l.root.Remove(name)
		return err
	}
	syncDir(l.root, ".")
	return nil
}

// confirm looks whether a change that was written is still there: at once under a lock, else when others that had read
// the older index have had their turn.
func (l *Layout) confirm(ctx context.Context, c change, locked bool) error {
	if !locked {
		if err := pause.For(ctx, editPause+rand.N(editPause)); err != nil {
			return err
		}
	}
	s, err := readSnapshot(ctx, l.root)
	if err != nil {
		return err
	}
	defer s.close()
	if !c.holds(s.index) {
		return errIndexChanged
	}
	return nil
}

// syncBlobs makes the names of new blobs last.
func (l *Layout) syncBlobs() {
	l.mu.Lock()
	dirty := l.dirty
	l.dirty = map[string]bool{}
	l.mu.Unlock()
	for dir := range dirty {
		syncDir(l.root, dir)
		syncDir(l.root, path.Dir(dir))
	}
}

// syncDir is done where the file system can; where not, a rename is as lasting as it gets.
func syncDir(root *os.Root, name string) {
	if dir, err := root.Open(name); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
}

// inRoot completes the paths in an error of root's methods, which name files as seen from root.
func inRoot(root *os.Root, err error) error {
	if err == nil {
		return nil
	}
	complete := func(p *string) {
		if !strings.HasPrefix(*p, root.Name()+string(filepath.Separator)) {
			*p = filepath.Join(root.Name(), *p)
		}
	}
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	if errors.As(err, &pathErr) {
		complete(&pathErr.Path)
	}
	if errors.As(err, &linkErr) {
		complete(&linkErr.Old)
		complete(&linkErr.New)
	}
	return err
}

// maxIndexEdits bounds how often an edit is repeated that other writers undo. Each round of n writers settles at least
// one of them.
const maxIndexEdits = 200

// editPause is the time after which a written index is looked at again: several times what another writer needs between
// reading and writing.
const editPause = 40 * time.Millisecond

// errIndexChanged means that the index is no longer the one that was read.
var errIndexChanged = errors.New("changed by another writer")

// journalSuffix names the journal that a download keeps beside its file, until the file is complete.
const journalSuffix = ".state"
