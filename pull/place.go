package pull

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"strconv"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive/sysfile"
)

// placer moves what a stage holds to its final names: all of it, or nothing.
type placer struct {
	stage    *stage
	state    *state
	force    bool
	preserve bool

	moves []move
	gone  []string // directories that a file replaces, and files that a directory does
	kept  []string // files that somebody else changed: nothing is placed when there is one
	right []string // files that are there already
	dirs  []dirInfo
	undo  []func() error

	unlocked []dirInfo // directories that their owner may not change, but for now
}

// move gives a staged file or directory its name. There may be something there that is replaced.
type move struct {
	path    string
	replace bool
	dir     bool // what is staged is a directory
}

// plan compares the staged directory with the destination's and decides what is moved. Nothing is changed.
func (p *placer) plan(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.noteDir(dir); err != nil {
		return err
	}
	entries, err := fs.ReadDir(p.stage.root.FS(), path.Join(stageFiles, dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := p.planEntry(ctx, path.Join(dir, e.Name()), e); err != nil {
			return err
		}
	}
	return nil
}

// dirInfo is a directory that is there already and gets the metadata of the staged one.
type dirInfo struct {
	path  string
	info  fs.FileInfo
	attrs map[string]string
}

// noteDir remembers what the artifact says of a directory, if that is restored.
func (p *placer) noteDir(dir string) error {
	if !p.preserve {
		return nil
	}
	f, err := p.stage.root.Open(path.Join(stageFiles, dir))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	attrs, err := sysfile.Xattrs(f)
	p.dirs = append(p.dirs, dirInfo{dir, info, attrs})
	return err
}

func (p *placer) planEntry(ctx context.Context, name string, staged fs.DirEntry) error {
	have, err := p.stage.dst.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		p.moves = append(p.moves, move{path: name, dir: staged.IsDir()})
		return nil
	}
	if err != nil {
		return err
	}
	if staged.IsDir() && have.IsDir() {
		return p.plan(ctx, name)
	}
	if have.IsDir() {
		if p.state.oursBelow(p.stage.dst, name) {
			p.moves, p.gone = append(p.moves, move{name, true, staged.IsDir()}), append(p.gone, name)
			return nil
		}
		return &artifact.Error{Op: "placing", Item: name, Err: fmt.Errorf("there is a directory of this name: %w", artifact.ErrKept)}
	}
	same, err := p.same(name, have)
	switch {
	case err != nil:
		return err
	case same:
		p.right = append(p.right, name)
	case p.force || p.state.ours(p.stage.dst, name, have):
		p.moves = append(p.moves, move{name, true, staged.IsDir()})
		if staged.IsDir() {
			p.gone = append(p.gone, name)
		}
	default:
		p.kept = append(p.kept, name)
	}
	return nil
}

// same tells whether a file in the destination is what is staged for it.
func (p *placer) same(name string, have fs.FileInfo) (bool, error) {
	staged := path.Join(stageFiles, name)
	want, err := p.stage.root.Lstat(staged)
	if err != nil || want.Mode().Type() != have.Mode().Type() {
		return false, err
	}
	if want.Mode().Type() == fs.ModeSymlink {
		a, err := p.stage.root.Readlink(staged)
		if err != nil {
			return false, err
		}
		b, err := p.stage.dst.Readlink(name)
		return a == b && (!p.preserve || sameStamp(want, have)), err
	}
	if want.Size() != have.Size() || !p.sameMode(want.Mode(), have.Mode()) {
		return false, nil
	}
	if p.preserve && !sameStamp(want, have) {
		return false, nil
	}
	return sameContent(p.stage.root, staged, p.stage.dst, name, p.preserve)
}

// sameStamp compares time and owner.
func sameStamp(a, b fs.FileInfo) bool {
	uidA, gidA, _ := owner(a)
	uidB, gidB, _ := owner(b)
	return a.ModTime().Equal(b.ModTime()) && uidA == uidB && gidA == gidB
}

// sameMode compares what an artifact says of a mode: whether the file can be run, or all of it.
func (p *placer) sameMode(a, b fs.FileMode) bool {
	if p.preserve {
		return a == b
	}
	return a&0o100 == b&0o100
}

// sameContent compares two files of equal size, and what extended attributes they have if those count.
func sameContent(a *os.Root, nameA string, b *os.Root, nameB string, attrs bool) (bool, error) {
	fa, err := a.Open(nameA)
	if err != nil {
		return false, err
	}
	defer fa.Close()
	fb, err := b.Open(nameB)
	if errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer fb.Close()
	if attrs {
		if same, err := sameXattrs(fa, fb); !same {
			return false, err
		}
	}
	bufA, bufB := make([]byte, copyBuffer), make([]byte, copyBuffer)
	for {
		n, errA := io.ReadFull(fa, bufA)
		m, errB := io.ReadFull(fb, bufB)
		if !bytes.Equal(bufA[:n], bufB[:m]) {
			return false, nil
		}
		if errA != nil || errB != nil {
			return errors.Is(errA, io.EOF) || errors.Is(errA, io.ErrUnexpectedEOF), nil
		}
	}
}

func sameXattrs(a, b *os.File) (bool, error) {
	ofA, err := sysfile.Xattrs(a)
	if err != nil {
		return false, err
	}
	ofB, err := sysfile.Xattrs(b)
	return maps.Equal(ofA, ofB), err
}

// refusal is the error about files that are kept.
func refusal(kept []string) error {
	if len(kept) == 0 {
		return nil
	}
	reason := "it was changed or made by somebody else"
	if len(kept) > 1 {
		reason += fmt.Sprintf(", as were %d others", len(kept)-1)
	}
	return &artifact.Error{Op: "placing", Item: kept[0], Err: fmt.Errorf("%s, %w", reason, artifact.ErrKept)}
}

// apply does what was planned, and undoes it when something fails.
func (p *placer) apply(remove []string) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, p.rollBack())
		}
	}()
	for _, m := range p.moves {
		if err := p.move(m); err != nil {
			return &artifact.Error{Op: "placing", Item: m.path, Err: bare(err)}
		}
	}
	for _, name := range remove {
		if err := p.setAside(name); err != nil {
			return &artifact.Error{Op: "removing", Item: name, Err: bare(err)}
		}
	}
	return nil
}

// move puts one staged thing in its place. What it replaces is there under another name until the whole pull is done.
func (p *placer) move(m move) error {
	dst, staged := p.stage.dst, path.Join(p.stage.name, stageFiles, m.path)
	if !m.replace {
		if err := p.rename(staged, m.path); err != nil {
			return err
		}
		p.undo = append(p.undo, func() error { return dst.Rename(m.path, staged) })
		return nil
	}
	old := p.oldName()
	if err := dst.Link(m.path, old); err != nil { // no hard links here, or a directory takes a file's place
		if err := p.rename(m.path, old); err != nil {
			return err
		}
	}
	p.undo = append(p.undo, func() error {
		if dst.Rename(old, m.path) == nil {
			return nil
		}
		// One of them is a directory, or nothing was put there yet.
		if err := dst.Rename(m.path, staged); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return dst.Rename(old, m.path)
	})
	err := p.rename(staged, m.path)
	if err == nil {
		return nil
	}
	if err := dst.Remove(m.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return dst.Rename(staged, m.path)
}

// setAside takes a file away until the pull is done.
func (p *placer) setAside(name string) error {
	old, dst := p.oldName(), p.stage.dst
	if err := p.rename(name, old); err != nil {
		return err
	}
	p.undo = append(p.undo, func() error { return dst.Rename(old, name) })
	return nil
}

// rename moves a file to or from a directory of the destination, also one that its owner may not change.
func (p *placer) rename(from, to string) error {
	dst := p.stage.dst
	err := dst.Rename(from, to)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	for _, dir := range []string{path.Dir(from), path.Dir(to)} {
		info, statErr := dst.Lstat(dir)
		if statErr != nil || info.Mode()&0o300 == 0o300 {
			continue
		}
		if dst.Chmod(dir, info.Mode()|0o300) != nil {
			return err
		}
		p.unlocked = append(p.unlocked, dirInfo{path: dir, info: info})
	}
	return dst.Rename(from, to)
}

// relock gives directories back the modes that rename took. Where that fails somebody else has changed them.
func (p *placer) relock() {
	for _, d := range p.unlocked {
		_ = p.stage.dst.Chmod(d.path, d.info.Mode())
	}
	p.unlocked = nil
}

func (p *placer) oldName() string {
	return path.Join(p.stage.name, stageOld, strconv.Itoa(len(p.undo)))
}

func (p *placer) rollBack() error {
	var errs []error
	for len(p.undo) > 0 {
		last := len(p.undo) - 1
		errs = append(errs, p.undo[last]())
		p.undo = p.undo[:last]
	}
	return errors.Join(errs...)
}

// bare takes the path out of an error that a message with the path goes around.
func bare(err error) error {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &linkErr):
		return linkErr.Err
	}
	return err
}

// restoreDirs gives directories that were there already what the artifact says of them: last of all, since their times
// change with every file that is placed.
func (p *puller) restoreDirs() error {
	for _, d := range p.dirs {
		if !p.dirEntries[d.path] {
			continue
		}
		if uid, gid, ok := owner(d.info); ok && os.Geteuid() == 0 {
			if err := p.dst.Chown(d.path, uid, gid); err != nil {
				return &artifact.Error{Op: "restoring", Item: d.path, Err: bare(err)}
			}
		}
		if err := p.restoreXattrs(d); err != nil {
			return &artifact.Error{Op: "restoring", Item: d.path, Err: bare(err)}
		}
		if err := p.dst.Chmod(d.path, d.info.Mode()); err != nil {
			return &artifact.Error{Op: "restoring", Item: d.path, Err: bare(err)}
		}
		if err := p.dst.Chtimes(d.path, d.info.ModTime(), d.info.ModTime()); err != nil {
			return &artifact.Error{Op: "restoring", Item: d.path, Err: bare(err)}
		}
	}
	return nil
}

func (p *puller) restoreXattrs(d dirInfo) error {
	if len(d.attrs) == 0 {
		return nil
	}
	f, err := p.dst.Open(d.path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = sysfile.SetXattrs(f, d.attrs) // this user or file system may not permit some
	return err
}
