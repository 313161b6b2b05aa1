package archive

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
)

// directory is an open directory below the destination, so that a file in it is created with a single system call and
// without looking at the path again.
type directory struct {
	name string
	root *os.Root
	refs atomic.Int32
}

// hold keeps d open until release.
func (d *directory) hold() *directory {
	d.refs.Add(1)
	return d
}

func (d *directory) release() {
	if d.refs.Add(-1) == 0 {
		d.root.Close()
	}
}

// enter opens a directory, which it makes if it is missing. The last one stays open, since entries mostly come sorted.
func (u *unpacker) enter(name string) (*directory, error) {
	if u.dir != nil && u.dir.name == name {
		return u.dir, nil
	}
	u.leave()
	if err := u.x.makeDirs(name); err != nil {
		return nil, err
	}
	root, err := u.x.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	d := &directory{name: name, root: root}
	u.dir = d.hold()
	return d, nil
}

// leave closes the directory that was used last.
func (u *unpacker) leave() {
	if u.dir != nil {
		u.dir.release()
		u.dir = nil
	}
}

// directory makes a directory that has an entry, and sets its mode; under Preserve that waits for Close.
func (u *unpacker) directory(h *Header) error {
	if _, err := u.enter(h.Name); err != nil {
		return err
	}
	if err := u.x.setDir(h); err != nil {
		return err
	}
	u.x.placed(h, nil)
	return nil
}

// setDir notes or sets the metadata of a directory. When archives repeat it, as those of a split tree do, the latest
// time wins: theirs are 0 but for the archive of the directories themselves. For images the last layer wins.
func (x *Extractor) setDir(h *Header) error {
	x.dirMu.Lock()
	defer x.dirMu.Unlock()
	if x.opts.Preserve {
		if was, ok := x.dirs[h.Name]; !ok || x.opts.Image || h.ModTime.After(was.ModTime) {
			x.dirs[h.Name] = h
		}
		return nil
	}
	if h.Name == "." {
		return nil // the caller's
	}
	return x.chmodDir(h.Name, x.mode(h))
}

func (x *Extractor) chmodDir(name string, mode fs.FileMode) error {
	f, err := x.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Chmod(mode)
}

// makeDirs makes a directory and those above it that are missing, with the mode 0755.
func (x *Extractor) makeDirs(name string) error {
	if name == "." {
		return nil
	}
	x.dirMu.Lock()
	defer x.dirMu.Unlock()
	if !x.opts.Image { // no name of a directory is a link: Extractor.names sees to it
		if info, err := x.root.Lstat(name); err == nil && info.IsDir() {
			return nil
		}
	}
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		if err := x.makeDir(name[:i]); err != nil {
			return err
		}
	}
	return nil
}

// makeDir makes one directory whose parent is there.
func (x *Extractor) makeDir(name string) error {
	err := x.root.Mkdir(name, 0o700)
	if err == nil {
		return x.chmodDir(name, 0o755)
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := x.root.Lstat(name)
	if err == nil && !info.IsDir() {
		return refuse(name, "something stands below it, and it is no directory")
	}
	return err
}

// isReal tells whether name is a directory that is reached through no link.
func (x *Extractor) isReal(name string) (bool, error) {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		info, err := x.root.Lstat(name[:i])
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if !info.IsDir() {
			return false, refuse(name, "%q is no directory", name[:i])
		}
	}
	return true, nil
}

// FinishDirs gives the directories their preserved metadata, after the last file was put in them, since a time changes
// with each. Their owners keep all rights until LockDirs: a directory that its owner may not change can be neither moved
// nor removed. Without Preserve there is nothing to do.
func (x *Extractor) FinishDirs() error {
	return x.eachDir(x.root, 0, func(f *os.File, _ fs.FileInfo, h *Header) error { return x.restore(f, h) })
}

// LockDirs takes away what the preserved modes of directories forbid their owners, below root: where the tree was moved
// to.
func (x *Extractor) LockDirs(root *os.Root) error {
	return x.eachDir(root, 0o700, func(f *os.File, info fs.FileInfo, h *Header) error {
		return f.Chmod(info.Mode()&^0o700 | h.Mode&0o700)
	})
}

// eachDir calls fn for the directories that have an entry, and whose mode lacks one of the bits, if there are any. Each
// comes after those below it.
func (x *Extractor) eachDir(root *os.Root, lacks fs.FileMode, fn func(*os.File, fs.FileInfo, *Header) error) error {
	x.dirMu.Lock()
	defer x.dirMu.Unlock()
	var names []string
	for name, h := range x.dirs {
		if lacks == 0 || h.Mode&lacks != lacks {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return compareNames(underRoot(b), underRoot(a)) })
	for _, name := range names {
		if err := onDir(root, name, x.dirs[name], fn); err != nil {
			return err
		}
	}
	return nil
}

// underRoot makes "." the directory above all others.
func underRoot(name string) string {
	if name == "." {
		return ""
	}
	return name
}

func onDir(root *os.Root, name string, h *Header, fn func(*os.File, fs.FileInfo, *Header) error) error {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil // a later layer of an image took it away
	}
	if err != nil {
		return err
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return fn(f, info, h)
}

// restore gives an open file or directory its metadata.
func (x *Extractor) restore(f *os.File, h *Header) error {
	mode := x.mode(h)
	if !x.opts.Preserve {
		return f.Chmod(mode)
	}
	if err := f.Chown(h.UID, h.GID); err != nil {
		if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EINVAL) {
			return err
		}
		x.note(h.Name, "owner")
		mode &^= fs.ModeSetuid | fs.ModeSetgid // not in the name of whoever unpacks
	}
	if mode.IsDir() {
		mode |= 0o700 // see LockDirs
	}
	if x.opts.Unprivileged {
		maps.DeleteFunc(h.Xattrs, func(name, _ string) bool { return strings.HasPrefix(name, "security.") })
	}
	skipped, err := writeXattrs(f, h.Xattrs)
	if err != nil {
		return err
	}
	if len(skipped) > 0 {
		x.note(h.Name, strings.Join(skipped, ", "))
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	return setTimes(f, h.ModTime)
}

// restoreLink gives a symbolic link its owner and time.
func (x *Extractor) restoreLink(dir *os.Root, base string, h *Header) error {
	if err := dir.Lchown(base, h.UID, h.GID); err != nil {
		if !errors.Is(err, fs.ErrPermission) {
			return err
		}
		x.note(h.Name, "owner")
	}
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return setLinkTimes(f, path.Base(base), h.ModTime)
}
