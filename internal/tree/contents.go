package tree

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// Contents returns a file system like fsys in which each link is the file or directory that it leads to. replaced maps paths to
// the content that replaces that of a file. Reading a directory fails if it has a broken link, a link out of fsys, or a link to a
// directory above itself.
func Contents(fsys fs.FS, replaced map[string][]byte) fs.FS { return contents{fsys, replaced} }

// contents is the file system that Contents returns.
type contents struct {
	fs.FS
	replaced map[string][]byte
}

// Lstat returns the info of the file that a link leads to.
func (c contents) Lstat(name string) (fs.FileInfo, error) { return c.Stat(name) }

// ReadLink returns an error: there are no links.
func (c contents) ReadLink(name string) (string, error) {
	return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
}

// Stat returns the info of a file.
func (c contents) Stat(name string) (fs.FileInfo, error) {
	if data, ok := c.replaced[name]; ok {
		return replacedInfo{path.Base(name), int64(len(data))}, nil
	}
	return fs.Stat(c.FS, name)
}

// Open opens a file.
func (c contents) Open(name string) (fs.File, error) {
	if data, ok := c.replaced[name]; ok {
		return &replacedFile{bytes.NewReader(data), replacedInfo{path.Base(name), int64(len(data))}}, nil
	}
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if dir, ok := f.(fs.ReadDirFile); ok && info.IsDir() {
		return contentsDir{dir, c, name}, nil
	}
	return f, nil
}

// contentsDir is an open directory of contents.
type contentsDir struct {
	fs.ReadDirFile
	in   contents
	name string
}

// ReadDir implements fs.ReadDirFile.
func (d contentsDir) ReadDir(n int) ([]fs.DirEntry, error) {
	entries, err := d.ReadDirFile.ReadDir(n)
	for i, e := range entries {
		name := path.Join(d.name, e.Name())
		_, isReplaced := d.in.replaced[name]
		if e.Type()&fs.ModeSymlink == 0 && !isReplaced {
			continue
		}
		if problem := d.in.linkProblem(name); problem != "" && !isReplaced {
			return nil, fmt.Errorf("%q %s", name, problem)
		}
		info, err := d.in.Stat(name)
		if err != nil {
			return nil, err
		}
		entries[i] = fs.FileInfoToDirEntry(renamed{info, e.Name()})
	}
	return entries, err
}

// linkProblem describes why the content of a link can't be packed. It returns "" if it can.
func (c contents) linkProblem(name string) string {
	if problem := cmp.Or(Annexed(c.FS, name), LinkOut(c.FS, ".", name)); problem != "" {
		return problem
	}
	info, err := fs.Stat(c.FS, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "is a broken link"
	}
	if err != nil || !info.IsDir() {
		return ""
	}
	target := follow(c.FS, name)
	for _, dir := range Parents(path.Dir(name)) {
		if IsWithin(target, follow(c.FS, dir)) {
			return "is a link to a directory that it is in"
		}
	}
	return ""
}

// follow resolves the links in a path that LinkOut has checked.
func follow(fsys fs.FS, name string) string {
	rest, done := strings.Split(name, "/"), "."
	for links := 0; len(rest) > 0 && links < 40; {
		next := path.Join(done, rest[0])
		target, err := fs.ReadLink(fsys, next)
		if err != nil {
			done, rest = next, rest[1:]
			continue
		}
		links++
		rest = append(strings.Split(target, "/"), rest[1:]...)
	}
	return done
}

// renamed is the info of a file under the name of a link to it.
type renamed struct {
	fs.FileInfo
	name string
}

// Name returns the name of the link.
func (r renamed) Name() string { return r.name }

// replacedInfo is the info of a file whose content is replaced.
type replacedInfo struct {
	name string
	size int64
}

// Name and the methods below implement fs.FileInfo.
func (i replacedInfo) Name() string       { return i.name }
func (i replacedInfo) Size() int64        { return i.size }
func (i replacedInfo) Mode() fs.FileMode  { return 0o644 }
func (i replacedInfo) ModTime() time.Time { return time.Time{} }
func (i replacedInfo) IsDir() bool        { return false }
func (i replacedInfo) Sys() any           { return nil }

// replacedFile is an open file whose content is replaced.
type replacedFile struct {
	io.Reader
	info replacedInfo
}

// Stat returns the info of the file.
func (f *replacedFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// Close does nothing.
func (f *replacedFile) Close() error { return nil }
