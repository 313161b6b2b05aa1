package cli

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/davit-oci/davit/internal/registry"
)

// contentOf is what a source's directory holds. Where the target of the command lies in it, as in "davit pack . -o
// ./site.tar", the target is no content: else each run would pack the last one, and no two runs gave one digest.
func contentOf(root *os.Root, target registry.Reference) fs.FS {
	files := root.FS().(rootFS) // os.Root promises them
	if !target.IsPath() {
		return files
	}
	name, ok := nameIn(root.Name(), target.Path)
	if !ok {
		return files
	}
	return without{files, path.Dir(name), path.Base(name)}
}

// nameIn is the slash path of a file or directory, which need not be there yet, below a directory.
func nameIn(dir, file string) (string, bool) {
	dir, err := real(dir)
	if err != nil {
		return "", false
	}
	above, err := real(filepath.Dir(filepath.Clean(file)))
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(dir, filepath.Join(above, filepath.Base(file)))
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// real is the absolute path of a directory, without links.
func real(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// rootFS is what the file system of an os.Root can do, but for listing directories, which fs.ReadDir does with Open.
type rootFS interface {
	fs.StatFS
	fs.ReadFileFS
	fs.ReadLinkFS
}

// without is a file system in which the listing of one directory lacks one name.
type without struct {
	rootFS
	dir, base string
}

// Open opens a file; of all but the one directory it is the file itself.
func (w without) Open(name string) (fs.File, error) {
	f, err := w.rootFS.Open(name)
	if dir, ok := f.(*os.File); ok && err == nil && path.Clean(name) == w.dir {
		return listing{dir, w.base}, nil
	}
	return f, err
}

// listing is an open directory that does not list one name.
type listing struct {
	*os.File
	base string
}

// ReadDir lists up to n entries, as fs.ReadDirFile has it.
func (l listing) ReadDir(n int) ([]fs.DirEntry, error) {
	for {
		found, err := l.File.ReadDir(n)
		kept := found[:0]
		for _, entry := range found {
			if entry.Name() != l.base {
				kept = append(kept, entry)
			}
		}
		if len(kept) > 0 || len(found) == 0 || err != nil || n <= 0 {
			return kept, err
		}
	}
}
