package place

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

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive/sysfile"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/internal/rootfs"
)

// Placer moves the files of a stage to their final names: all of them, or none.
type Placer struct {
	Stage    *Stage
	State    *record.State
	Force    bool
	Preserve bool

	Moves []Move
	Gone  []string // directories that files replace, and files that directories replace
	Kept  []string // files changed by another program: nothing is placed if there are any
	InWay []string // directories of another program at names of files: nothing is placed if there are any
	Right []string // files that are already correct
	Dirs  []DirInfo
	undo  []func() error
	mover mover

	touched map[uint64]bool // inodes of files that were moved away, which changes the ctimes of their other hard links, too

	unlocked []DirInfo // directories that are temporarily writable
}

// Move moves a staged file or directory to its name.
type Move struct {
	Path string
	Was  fs.FileInfo // of the entry that is replaced; nil if the name does not exist
	Dir  bool        // the staged entry is a directory
}

// Plan compares a staged directory with the one in the destination, and plans the moves. It changes nothing on disk.
func (p *Placer) Plan(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.noteDir(dir); err != nil {
		return err
	}
	entries, err := fs.ReadDir(rootfs.Of(p.Stage.Root), path.Join(StageFiles, dir))
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

// DirInfo is an existing directory that gets the metadata of the staged one.
type DirInfo struct {
	Path  string
	Info  fs.FileInfo
	Attrs map[string]string
}

// noteDir remembers the artifact's metadata for a directory, if metadata is restored.
func (p *Placer) noteDir(dir string) error {
	if !p.Preserve {
		return nil
	}
	f, err := p.Stage.Root.Open(path.Join(StageFiles, dir))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	attrs, err := sysfile.Xattrs(f)
	p.Dirs = append(p.Dirs, DirInfo{dir, info, attrs})
	return err
}

func (p *Placer) planEntry(ctx context.Context, name string, staged fs.DirEntry) error {
	have, err := p.Stage.dst.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		p.Moves = append(p.Moves, Move{Path: name, Dir: staged.IsDir()})
		return nil
	}
	if err != nil {
		return err
	}
	if staged.IsDir() && have.IsDir() {
		return p.Plan(ctx, name)
	}
	return p.decide(Move{name, have, staged.IsDir()}, p.equalsStaged)
}

// decide decides what happens to the entry m.Was in the destination, unless both entries are directories. The function equals reports
// whether the content of that entry is already right.
func (p *Placer) decide(m Move, equals func(name string, have fs.FileInfo) (bool, error)) error {
	if m.Was.IsDir() {
		if p.State.AreOursBelow(p.Stage.dst, m.Path) {
			p.Moves, p.Gone = append(p.Moves, m), append(p.Gone, m.Path)
		} else {
			p.InWay = append(p.InWay, m.Path)
		}
		return nil
	}
	same, err := equals(m.Path, m.Was)
	switch {
	case err != nil:
		return err
	case same:
		p.Right = append(p.Right, m.Path)
	case p.Force || p.State.IsOurs(p.Stage.dst, m.Path, m.Was):
		p.Moves = append(p.Moves, m)
		if m.Dir {
			p.Gone = append(p.Gone, m.Path)
		}
	default:
		p.Kept = append(p.Kept, m.Path)
	}
	return nil
}

// equalsStaged reports whether a file in the destination equals the one staged for it.
func (p *Placer) equalsStaged(name string, have fs.FileInfo) (bool, error) {
	staged := path.Join(StageFiles, name)
	want, err := p.Stage.Root.Lstat(staged)
	if err != nil || want.Mode().Type() != have.Mode().Type() {
		return false, err
	}
	if want.Mode().Type() == fs.ModeSymlink {
		a, err := p.Stage.Root.Readlink(staged)
		if err != nil {
			return false, err
		}
		b, err := p.Stage.dst.Readlink(name)
		return a == b && (!p.Preserve || hasSameStamp(want, have)), err
	}
	if want.Size() != have.Size() || !p.hasSameMode(want.Mode(), have.Mode()) {
		return false, nil
	}
	if p.Preserve && !hasSameStamp(want, have) {
		return false, nil
	}
	return p.hasSameContent(name)
}

// hasSameStamp reports whether two files have the same modification time, owner, and group.
func hasSameStamp(a, b fs.FileInfo) bool {
	uidA, gidA, _ := record.Owner(a)
	uidB, gidB, _ := record.Owner(b)
	return a.ModTime().Equal(b.ModTime()) && uidA == uidB && gidA == gidB
}

// hasSameMode reports whether two modes have the same executable bit or, with Preserve, are the same.
func (p *Placer) hasSameMode(a, b fs.FileMode) bool {
	if p.Preserve {
		return a == b
	}
	return a&0o100 == b&0o100
}

// compareBuffer is the number of bytes of two files that are compared at once.
const compareBuffer = 256 << 10

// hasSameContent reports whether a staged file has the same content as the one in the destination, which has the same size. With
// Preserve, it also compares their extended attributes.
func (p *Placer) hasSameContent(name string) (bool, error) {
	fa, err := p.Stage.Root.Open(path.Join(StageFiles, name))
	if err != nil {
		return false, err
	}
	defer fa.Close()
	fb, err := p.Stage.dst.Open(name)
	if errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer fb.Close()
	if p.Preserve {
		if same, err := haveSameXattrs(fa, fb); !same {
			return false, err
		}
	}
	bufA, bufB := make([]byte, compareBuffer), make([]byte, compareBuffer)
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

func haveSameXattrs(a, b *os.File) (bool, error) {
	ofA, err := sysfile.Xattrs(a)
	if err != nil {
		return false, err
	}
	ofB, err := sysfile.Xattrs(b)
	return maps.Equal(ofA, ofB), err
}

// Refusal returns an artifact.ErrKept that names the first of the files and directories that are kept, or nil if nothing is kept.
func (p *Placer) Refusal() error {
	if len(p.Kept) == 0 && len(p.InWay) > 0 {
		return &artifact.Error{Op: "placing", Item: p.InWay[0], Err: fmt.Errorf("a directory with this name exists: %w", artifact.ErrKept)}
	}
	return Refusal(p.Kept)
}

// Refusal returns an artifact.ErrKept that names the first of the files that are kept, or nil if nothing is kept.
func Refusal(kept []string) error {
	if len(kept) == 0 {
		return nil
	}
	reason := "file exists with different content"
	switch others := len(kept) - 1; {
	case others == 1:
		reason += ", as does 1 other"
	case others > 1:
		reason += fmt.Sprintf(", as do %d others", others)
	}
	return &artifact.Error{Op: "placing", Item: kept[0], Err: fmt.Errorf("%s, %w", reason, artifact.ErrKept)}
}

// Bare strips the path from an error, for messages that already include it.
func Bare(err error) error {
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
