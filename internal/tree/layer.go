package tree

import (
	"io/fs"
	"path"

	"github.com/davit-oci/davit/artifact/spec"
)

// PackedFile is a file that is packed, with its name after a pull.
type PackedFile struct{ Path, Title string }

// PackedFiles lists the regular files that a layer is made from. It returns nil for a layer that is an existing archive.
func PackedFiles(fsys fs.FS, l *spec.Layer) ([]PackedFile, error) {
	switch {
	case l.Archive:
		return nil, nil
	case !l.Dir && len(l.Files) == 0:
		return []PackedFile{{l.Path, l.Title}}, nil
	}
	names := l.Files
	if l.Dir {
		below, err := FilesBelow(fsys, l)
		if err != nil {
			return nil, err
		}
		names = nil
		for _, name := range below {
			names = append(names, path.Join(l.Path, name))
		}
	}
	var files []PackedFile
	for _, name := range names {
		if info, err := fs.Lstat(fsys, name); err == nil && info.Mode().IsRegular() {
			files = append(files, PackedFile{name, path.Join(l.Prefix, Below(l.Path, name))})
		}
	}
	return files, nil
}

// FilesBelow lists the files in the directory of a layer that are packed, by their paths relative to the directory.
func FilesBelow(fsys fs.FS, l *spec.Layer) ([]string, error) {
	files := []string{}
	err := fs.WalkDir(fsys, l.Path, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == l.Path {
			return err
		}
		rel := Below(l.Path, name)
		switch {
		case l.Exclude != nil && l.Exclude(rel, d.IsDir()):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir():
			files = append(files, rel)
		}
		return nil
	})
	return files, err
}
