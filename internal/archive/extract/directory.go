package extract

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/archive/sysfile"
	"github.com/davit-oci/davit/internal/lists"
)

// directory is an open directory below the destination, so that creating a file in it takes a single system call and no
// path lookup.
type directory struct {
	name string
	root *os.Root
	refs atomic.Int32
}

// hold keeps d open until release is called.
func (d *directory) hold() *directory {
	d.refs.Add(1)
	return d
}

// release closes d after the last hold.
func (d *directory) release() {
	if d.refs.Add(-1) == 0 {
		d.root.Close()
	}
}

// enter opens a directory, and creates it if it is missing. The directory stays open until another is entered, since most
// archives are sorted.
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

// leave closes the directory that was entered last.
func (u *unpacker) leave() {
	if u.dir != nil {
		u.dir.release()
		u.dir = nil
	}
}

// createDirectory creates the directory of an entry, and sets its mode. With Preserve, FinishDirs sets the mode.
func (u *unpacker) createDirectory(h *read.Header) error {
	if _, err := u.enter(h.Name); err != nil {
		return err
	}
	if err := u.x.setDir(h); err != nil {
		return err
	}
	u.x.report(h, nil)
	return nil
}

// setDir sets the mode of a directory or, with Preserve, records its metadata for FinishDirs. The archives of a split tree repeat a
// directory with the time 0, and contain it only once with its own time: the latest time wins. For images the last layer wins.
func (x *Extractor) setDir(h *read.Header) error {
	x.dirMu.Lock()
	defer x.dirMu.Unlock()
	if x.opts.Preserve {
		if was, ok := x.dirs[h.Name]; !ok || x.opts.Image || h.ModTime.After(was.ModTime) {
			x.dirs[h.Name] = h
		}
		return nil
	}
	if h.Name == "." {
		return nil // the destination belongs to the caller
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

// makeDirs creates a directory and missing ones above it, with mode 0755.
func (x *Extractor) makeDirs(name string) error {
	if name == "." {
		return nil
	}
	x.dirMu.Lock()
	defer x.dirMu.Unlock()
	if !x.opts.Image { // Extractor.names ensures that no link has the name of a directory
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

// makeDir creates a directory whose parent exists.
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
		return archive.Refuse(name, "the archive has entries below it, but it is not a directory")
	}
	return err
}

// isRealDir reports whether the directory name exists. It refuses a path with a component that is not a directory, such as a link.
func (x *Extractor) isRealDir(name string) (bool, error) {
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
			return false, archive.Refuse(name, "%q is not a directory", name[:i])
		}
	}
	return true, nil
}

// FinishDirs sets the preserved metadata of directories. It is called after the last file, since each file changes the time
// of its directory. Owners keep all rights until LockDirs: a directory that its owner can't change can be neither moved nor
// removed. Without Preserve, FinishDirs does nothing.
func (x *Extractor) FinishDirs() error {
	return x.forEachDir(x.root, 0, func(f *os.File, _ fs.FileInfo, h *read.Header) error { return x.restore(f, h) })
}

// LockDirs removes the rights that the preserved modes of directories deny their owners. The tree may have been moved to root
// since FinishDirs.
func (x *Extractor) LockDirs(root *os.Root) error {
	return x.forEachDir(root, 0o700, func(f *os.File, info fs.FileInfo, h *read.Header) error {
		return f.Chmod(info.Mode()&^0o700 | h.Mode&0o700)
	})
}

// forEachDir calls fn for the recorded directories, children before parents. It skips directories whose mode has all bits of
// lacks, unless lacks is 0.
func (x *Extractor) forEachDir(root *os.Root, lacks fs.FileMode, fn func(*os.File, fs.FileInfo, *read.Header) error) error {
	x.dirMu.Lock()
	defer x.dirMu.Unlock()
	var names []string
	for name, h := range x.dirs {
		if lacks == 0 || h.Mode&lacks != lacks {
			names = append(names, name)
		}
	}
	lists.Sort(names, func(a, b string) int { return archive.CompareDirs(b, a) })
	for _, name := range names {
		if err := withDir(root, name, x.dirs[name], fn); err != nil {
			return err
		}
	}
	return nil
}

// withDir opens a directory and calls fn for it.
func withDir(root *os.Root, name string, h *read.Header, fn func(*os.File, fs.FileInfo, *read.Header) error) error {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil // a later layer of an image deleted it
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

// restore sets the metadata of an open file or directory.
func (x *Extractor) restore(f *os.File, h *read.Header) error {
	mode := x.mode(h)
	if !x.opts.Preserve {
		return f.Chmod(mode)
	}
	if err := f.Chown(h.UID, h.GID); err != nil {
		if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EINVAL) {
			return err
		}
		x.note(h.Name, "owner")
		mode &^= fs.ModeSetuid | fs.ModeSetgid // the file must not run with the rights of the current user
	}
	if mode.IsDir() {
		mode |= 0o700 // see LockDirs
	}
	if err := x.restoreXattrs(h, func(attrs map[string]string) ([]string, error) { return sysfile.SetXattrs(f, attrs) }); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	return sysfile.SetTimes(f, h.ModTime)
}

// restoreXattrs sets extended attributes.
func (x *Extractor) restoreXattrs(h *read.Header, set func(map[string]string) (skipped []string, err error)) error {
	if x.opts.Unprivileged {
		maps.DeleteFunc(h.Xattrs, func(name, _ string) bool { return strings.HasPrefix(name, "security.") })
	}
	skipped, err := set(h.Xattrs)
	if len(skipped) > 0 {
		x.note(h.Name, strings.Join(skipped, ", "))
	}
	return err
}

// restoreLink sets the owner, extended attributes, and time of a symbolic link or a named pipe.
func (x *Extractor) restoreLink(dir *os.Root, base string, h *read.Header) error {
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
	if err := x.restoreXattrs(h, func(attrs map[string]string) ([]string, error) { return sysfile.SetLinkXattrs(f, base, attrs) }); err != nil {
		return err
	}
	return sysfile.SetLinkTimes(f, base, h.ModTime)
}
