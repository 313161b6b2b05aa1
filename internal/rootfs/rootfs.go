// Package rootfs provides the file system of an os.Root. Unlike os.Root.FS, it supports names that are not UTF-8, which occur in
// volumes.
package rootfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// FS is a file system like that of os.Root.FS, but without ReadDir, so that fs.ReadDir uses Open.
type FS interface {
	fs.StatFS
	fs.ReadFileFS
	fs.ReadLinkFS
}

// Of returns the file system of a root.
func Of(root *os.Root) FS { return files{root.FS().(FS), root} } // package os documents that FS has these methods

// files is the file system of an os.Root. It uses FS for names that are UTF-8, and root for others.
type files struct {
	FS
	root *os.Root
}

// needsRoot reports whether a name is valid except that it is not UTF-8, so that only os.Root accepts it.
func needsRoot(name string) bool {
	return !utf8.ValidString(name) && fs.ValidPath(strings.ToValidUTF8(name, "?")) && filepath.Separator == '/'
}

// Open implements fs.FS.
func (f files) Open(name string) (fs.File, error) {
	if !needsRoot(name) {
		return f.FS.Open(name)
	}
	opened, err := f.root.Open(name)
	if err != nil {
		return nil, err // a nil *os.File would be a non-nil fs.File
	}
	return opened, nil
}

// Stat implements fs.StatFS.
func (f files) Stat(name string) (fs.FileInfo, error) {
	if !needsRoot(name) {
		return f.FS.Stat(name)
	}
	return f.root.Stat(name)
}

// Lstat implements fs.ReadLinkFS.
func (f files) Lstat(name string) (fs.FileInfo, error) {
	if !needsRoot(name) {
		return f.FS.Lstat(name)
	}
	return f.root.Lstat(name)
}

// ReadLink implements fs.ReadLinkFS.
func (f files) ReadLink(name string) (string, error) {
	if !needsRoot(name) {
		return f.FS.ReadLink(name)
	}
	return f.root.Readlink(name)
}

// ReadFile implements fs.ReadFileFS.
func (f files) ReadFile(name string) ([]byte, error) {
	if !needsRoot(name) {
		return f.FS.ReadFile(name)
	}
	return f.root.ReadFile(name)
}
