package extract

import (
	"errors"
	"io/fs"
	"path"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/read"
)

// replace removes the files of earlier layers that an entry deletes or replaces. It reports whether the entry is a whiteout,
// which is not unpacked itself.
func (u *unpacker) replace(h *read.Header) (isWhiteout bool, err error) {
	if archive.IsWhiteout(h.Name) {
		return true, u.applyWhiteout(h)
	}
	exists, err := u.x.isRealDir(path.Dir(h.Name))
	if err != nil || !exists {
		return false, err
	}
	info, err := u.x.root.Lstat(h.Name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() && h.Mode.IsDir() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	u.leave()
	return false, u.x.root.RemoveAll(h.Name)
}

// applyWhiteout removes the files of earlier layers that a whiteout deletes.
func (u *unpacker) applyWhiteout(h *read.Header) error {
	name, isOpaque, err := archive.WhiteoutTarget(h.Name)
	switch {
	case err != nil || name == "":
		return err
	case isOpaque:
		return u.empty(name)
	}
	return u.remove(name)
}

// empty removes everything that earlier layers wrote to a directory.
func (u *unpacker) empty(dir string) error {
	exists, err := u.x.isRealDir(dir)
	if err != nil || !exists {
		return err
	}
	f, err := u.x.root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	found, err := f.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range found {
		if err := u.remove(path.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// remove removes the entry that earlier layers wrote at name. Entries of this layer stay.
func (u *unpacker) remove(name string) error {
	if isDir, ok := u.it.Find(name); ok {
		if isDir {
			return u.empty(name)
		}
		return nil
	}
	exists, err := u.x.isRealDir(path.Dir(name))
	if err != nil || !exists {
		return err
	}
	u.leave()
	return u.x.root.RemoveAll(name)
}
