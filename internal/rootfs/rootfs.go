// Package rootfs has the file system of an os.Root. Unlike that of package os, it has names that are not UTF-8 as well, which
// volumes have.
package rootfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// FS has the methods of the file system of an os.Root, except for ReadDir, so that fs.ReadDir uses Open.
type FS interface {
	fs.StatFS
	fs.ReadFileFS
	fs.ReadLinkFS
}

// Of returns the file system of a root.
func Of(root *os.Root) FS { return files{root.FS().(FS), root} } // os.Root promises these methods

// files is the file system of an os.Root.
type files struct {
	FS
	root *os.Root
}

// isOther reports whether a name is one that only an os.Root takes, since its characters are not UTF-8.
func isOther(name string) bool {
	return !utf8.ValidString(name) && fs.ValidPath(strings.ToValidUTF8(name, "?")) && filepath.Separator == '/'
}

// Open opens a file.
func (f files) Open(name string) (fs.File, error) {
	if !isOther(name) {
		return f.FS.Open(name)
	}
	opened, err := f.root.Open(name)
	if err != nil {
		return nil, err // not a *os.File that is nil
	}
	return opened, nil
}

// Stat describes a file.
func (f files) Stat(name string) (fs.FileInfo, error) {
	if !isOther(name) {
		return f.FS.Stat(name)
	}
	return f.root.Stat(name)
}

// Lstat describes a file or a link.
func (f files) Lstat(name string) (fs.FileInfo, error) {
	if !isOther(name) {
		return f.FS.Lstat(name)
	}
	return f.root.Lstat(name)
}

// ReadLink returns the target of a link.
func (f files) ReadLink(name string) (string, error) {
	if !isOther(name) {
		return f.FS.ReadLink(name)
	}
	return f.root.Readlink(name)
}

// ReadFile reads a file.
func (f files) ReadFile(name string) ([]byte, error) {
	if !isOther(name) {
		return f.FS.ReadFile(name)
	}
	return f.root.ReadFile(name)
}
