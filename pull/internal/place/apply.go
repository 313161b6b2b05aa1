package place

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/fileid"
)

// A Removal is a file to be removed.
type Removal struct {
	Path string
	Was  fs.FileInfo // when the removal was planned
}

// Apply carries out the plan, and undoes it on failure. It neither replaces nor removes files that appeared or changed since the plan
// was made.
func (p *Placer) Apply(remove []Removal) (err error) {
	p.mover.root = p.Stage.dst
	defer p.mover.close()
	defer func() {
		if err != nil {
			err = fault.Join(err, p.rollBack())
		}
	}()
	for _, m := range p.Moves {
		if err := p.move(m); err != nil {
			return &artifact.Error{Op: "placing", Item: m.Path, Err: Bare(err)}
		}
	}
	for _, r := range remove {
		if err := p.setAside(r.Path, r.Was); err != nil {
			return &artifact.Error{Op: "removing", Item: r.Path, Err: Bare(err)}
		}
	}
	return nil
}

// errAppeared and errTouched mean that another program created or changed a file between the plan and the rename.
var (
	errAppeared = fmt.Errorf("another program created it at this moment, %w", artifact.ErrKept)
	errTouched  = fmt.Errorf("another program changed it at this moment, %w", artifact.ErrKept)
)

// move moves one staged entry to its name. A replaced file stays in the stage until the pull is done.
func (p *Placer) move(m Move) error {
	staged := path.Join(p.Stage.Name, StageFiles, m.Path)
	if m.Was != nil {
		return p.replace(m, staged)
	}
	err := p.renameUnlocked(staged, m.Path, func() error { return p.mover.move(staged, m.Path) })
	if errors.Is(err, fs.ErrExist) {
		return errAppeared
	}
	if err == nil {
		p.undo = append(p.undo, func() error { return p.mover.move(m.Path, staged) })
	}
	return err
}

// replace swaps a staged entry and the entry that it replaces. Where the system can't swap entries, the name does not exist
// for a moment.
func (p *Placer) replace(m Move, staged string) error {
	now, err := p.Stage.dst.Lstat(m.Path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !p.isUntouched(m.Was, now) {
		return errTouched
	}
	if err != nil {
		return err
	}
	err = p.renameUnlocked(staged, m.Path, func() error { return p.mover.exchange(staged, m.Path) })
	if errors.Is(err, errors.ErrUnsupported) {
		if err := p.setAside(m.Path, m.Was); err != nil {
			return err
		}
		return p.move(Move{Path: m.Path, Dir: m.Dir})
	}
	if err != nil {
		return err
	}
	old := p.oldName()
	p.undo = append(p.undo, func() error {
		if err := p.mover.exchange(old, m.Path); err != nil {
			return err
		}
		return p.mover.move(old, staged)
	})
	if err := p.mover.move(staged, old); err != nil {
		p.undo[len(p.undo)-1] = func() error { return p.mover.exchange(staged, m.Path) }
		return err
	}
	return p.checkMoved(m.Path, old, m.Was)
}

// setAside moves a file to the stage until the pull is done.
func (p *Placer) setAside(name string, was fs.FileInfo) error {
	old := p.oldName()
	err := p.renameUnlocked(name, old, func() error { return p.mover.move(name, old) })
	if errors.Is(err, fs.ErrNotExist) {
		return errTouched
	}
	if err != nil {
		return err
	}
	p.undo = append(p.undo, func() error { return p.mover.move(old, name) })
	return p.checkMoved(name, old, was)
}

// checkMoved returns errTouched unless the file or directory that was moved from name to old is the planned one.
func (p *Placer) checkMoved(name, old string, was fs.FileInfo) error {
	now, err := p.Stage.dst.Lstat(old)
	if id, ok := fileid.Of(was); ok && !was.IsDir() {
		if p.touched == nil {
			p.touched = make(map[uint64]bool)
		}
		p.touched[id.Inode] = true
	}
	if err != nil || !isSame(was, now) || was.IsDir() && !p.State.AreOursMoved(p.Stage.dst, name, old) {
		return errTouched
	}
	return nil
}

// Restored returns the names that a failed Apply put back.
func (p *Placer) Restored(remove []Removal) []string {
	var names []string
	for _, m := range p.Moves {
		if m.Was != nil {
			names = append(names, m.Path)
		}
	}
	for _, r := range remove {
		names = append(names, r.Path)
	}
	return names
}

// renameUnlocked renames files into or out of directories of the destination, even if the modes of the directories deny that
// to their owner.
func (p *Placer) renameUnlocked(from, to string, rename func() error) error {
	dst := p.Stage.dst
	err := rename()
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	for _, dir := range []string{path.Dir(from), path.Dir(to)} {
		info, statErr := dst.Lstat(dir)
		if statErr != nil || info.Mode()&0o700 == 0o700 {
			continue
		}
		if dst.Chmod(dir, info.Mode()|0o700) != nil {
			return err
		}
		p.unlocked = append(p.unlocked, DirInfo{Path: dir, Info: info})
	}
	return rename()
}

// Relock restores the modes of directories that renameUnlocked unlocked. It ignores failures: another process changed the directories.
func (p *Placer) Relock() {
	for _, d := range p.unlocked {
		_ = p.Stage.dst.Chmod(d.Path, d.Info.Mode())
	}
	p.unlocked = nil
}

func (p *Placer) oldName() string {
	return path.Join(p.Stage.Name, stageOld, strconv.Itoa(len(p.undo)))
}

func (p *Placer) rollBack() error {
	var errs []error
	for len(p.undo) > 0 {
		last := len(p.undo) - 1
		errs = append(errs, p.undo[last]())
		p.undo = p.undo[:last]
	}
	return fault.Join(errs...)
}

// isUntouched reports whether a file is the planned one, and has not changed since.
func (p *Placer) isUntouched(was, now fs.FileInfo) bool {
	a, okA := fileid.Of(was)
	b, okB := fileid.Of(now)
	return isSame(was, now) && okA == okB && (was.IsDir() || a.Changed == b.Changed || p.touched[a.Inode])
}

// isSame is like isUntouched, but ignores the ctime, which a rename changes.
func isSame(was, now fs.FileInfo) bool {
	return os.SameFile(was, now) && was.Mode() == now.Mode() && (was.IsDir() || was.Size() == now.Size() && was.ModTime().Equal(now.ModTime()))
}
