package pull

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/durable"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/internal/rootfs"
	"github.com/davit-oci/davit/pull/internal/place"
)

// announce records which files are about to be placed, once their contents are on disk. If the pull is killed or loses power
// after that, it leaves only files that the next pull recognizes as ours. present lists those already in the destination.
func (p *placement) announce(present []string) error {
	if err := p.syncFiles(present); err != nil {
		return err
	}
	p.next.Placing = true
	p.remember()
	return nil
}

// remember writes the record of this pull. If that fails, the next pull compares the content of the files.
func (p *placement) remember() {
	withoutFiles := *p.result
	withoutFiles.Files, withoutFiles.Left = nil, nil
	var err error
	if p.next.Result, err = json.Marshal(withoutFiles); err == nil {
		_ = p.state.Put(p.dst.Name(), p.next)
	}
}

// syncFiles syncs the contents of all files of the artifact, in the stage or at their names. It skips files that the last
// pull synced.
func (p *placement) syncFiles(present []string) error {
	if p.opts.NoSync {
		return nil
	}
	slices.Sort(present)
	files := durable.Set{Root: p.dst}
	for i := 0; i < p.next.Files.Len() && !files.IsDone(); i++ {
		f := p.next.Files.At(i)
		if f.Layer < 0 || !f.Mode.IsRegular() {
			continue
		}
		_, carried := p.carried.Find(f.Path)
		_, isPresent := slices.BinarySearch(present, f.Path)
		switch {
		case carried && p.wasSynced(f):
		case carried || isPresent:
			files.Add(f.Path)
		default:
			files.Add(path.Join(p.stage.Name, place.StageFiles, f.Path))
		}
	}
	return p.syncError(files.Sync())
}

// wasSynced reports whether the last pull synced a file and the file is unchanged since.
func (p *placement) wasSynced(f record.Placed) bool {
	if p.last == nil || !p.last.Synced {
		return false
	}
	was, ok := p.last.Find(f.Path)
	return ok && was.Size == f.Size && was.ModTime == f.ModTime && was.Inode == f.Inode
}

// syncDirs syncs the directories of all placed and removed files.
func (p *placement) syncDirs() error {
	if p.opts.NoSync {
		return nil
	}
	dirs := durable.Set{Root: p.dst, Dirs: true}
	seen := make(map[string]bool)
	add := func(dir string) {
		for ; !seen[dir] && !dirs.IsDone(); dir = path.Dir(dir) {
			if len(seen) > maxSeen {
				clear(seen) // directories that are added again are synced again
			}
			seen[dir] = true
			dirs.Add(dir)
		}
	}
	for _, m := range p.moves() {
		add(path.Dir(m.Path))
		if !m.Dir {
			continue
		}
		err := fs.WalkDir(rootfs.Of(p.dst), m.Path, func(name string, d fs.DirEntry, err error) error {
			if d != nil && d.IsDir() {
				add(name)
			}
			if dirs.IsDone() {
				return fs.SkipAll
			}
			if errors.Is(err, fs.ErrPermission) {
				return nil // the mode in the artifact denies even the owner read access to the directory
			}
			return err
		})
		if err != nil {
			return p.syncError(err)
		}
	}
	for _, name := range p.result.Removed {
		add(path.Dir(name))
	}
	return p.syncError(dirs.Sync())
}

// maxSeen limits the directories that syncDirs remembers.
const maxSeen = 10_000

func (p *placement) syncError(err error) error {
	if err == nil {
		return nil
	}
	return &artifact.Error{Op: "syncing", Item: p.dst.Name(), Err: place.Bare(err)}
}

// moves returns the renames that placed files.
func (p *placement) moves() []place.Move {
	if p.placed == nil {
		return nil
	}
	return p.placed.Moves
}
