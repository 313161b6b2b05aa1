package source

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/rootfs"
)

// openContent returns the file system of a source. If the target of the command is inside it, as in "davit pack . -o ./site.tar", the target
// is hidden: otherwise each run would pack the result of the last one, and no two runs would have the same digest.
func openContent(root *os.Root, hide registry.Reference) fs.FS {
	files := rootfs.Of(root)
	if !hide.IsPath() {
		return files
	}
	name, ok := nameIn(root.Name(), hide.Path)
	if !ok {
		return files
	}
	return without{files, path.Dir(name), path.Base(name)}
}

// nameIn returns the slash-separated path of a file, which need not exist, relative to a directory. It reports false if the file is not
// inside.
func nameIn(dir, file string) (string, bool) {
	dir, err := resolveLinks(dir)
	if err != nil {
		return "", false
	}
	above, err := resolveLinks(filepath.Dir(filepath.Clean(file)))
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(dir, filepath.Join(above, filepath.Base(file)))
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// resolveLinks returns the absolute path of a directory without symbolic links.
func resolveLinks(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// rootFS has the methods of the file system of an os.Root, except for ReadDir, so that fs.ReadDir uses Open.
type rootFS = rootfs.FS

// without is a file system that hides one name from the listing of one directory.
type without struct {
	rootFS
	dir, base string
}

// Open opens a file. If it is the directory w.dir, its listing omits w.base.
func (w without) Open(name string) (fs.File, error) {
	f, err := w.rootFS.Open(name)
	if dir, ok := f.(*os.File); ok && err == nil && path.Clean(name) == w.dir {
		return listing{dir, w.base}, nil
	}
	return f, err
}

// listing is an open directory that hides one name.
type listing struct {
	*os.File
	base string
}

// ReadDir implements fs.ReadDirFile.
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
