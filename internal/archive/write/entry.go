package write

import (
	"io/fs"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/sysfile"
)

// Entry is a directory, regular file, or symbolic link in a tree. It is small, since a tree may have millions.
type Entry struct {
	Name string // slash path below the tree's directory; "." is the directory itself
	// Link is the target of a symbolic link or, for a regular file, the Name of the entry that it is a hard link to.
	Link    string
	Size    int64 // of a regular file's content
	ModTime int64 // nanoseconds since 1970
	// Ino and CTime (in nanoseconds) identify the walked file, along with Size and ModTime. They are zero if the file
	// system does not have them.
	Ino   uint64
	CTime int64
	Mode  fs.FileMode
}

// IsHardLink reports whether e is another name of an earlier entry.
func (e Entry) IsHardLink() bool { return e.Mode.IsRegular() && e.Link != "" }

// newEntry returns an entry for a file.
func newEntry(name string, info fs.FileInfo) Entry {
	e := Entry{Name: name, Mode: info.Mode(), ModTime: info.ModTime().UnixNano()}
	if info.Mode().IsRegular() {
		e.Size = info.Size()
	}
	e.Ino, e.CTime = sysfile.IDOf(info).Ino, sysfile.ChangeTime(info)
	return e
}

// isSame reports whether info is that of the walked file.
func (e *Entry) isSame(info fs.FileInfo) bool {
	return info.Mode().Type() == e.Mode.Type() && (!info.Mode().IsRegular() || info.Size() == e.Size) &&
		info.ModTime().UnixNano() == e.ModTime && sysfile.ChangeTime(info) == e.CTime && sysfile.IDOf(info).Ino == e.Ino
}

// checkUnchanged returns archive.ErrChanged if f, which was read, is no longer the walked file.
func (e *Entry) checkUnchanged(f fs.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !e.isSame(info) {
		return archive.ErrChanged
	}
	return nil
}
