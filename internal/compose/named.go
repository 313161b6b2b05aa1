package compose

import (
	"io/fs"
	"path"
	"slices"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/tree"
)

// AddFile adds a layer for a file that another file names, such as a Modelfile, in a role.
func (d *Draft) AddFile(by *Layer, name, role string) {
	e, before := &entry{draft: d, LayerSpec: spec.LayerSpec{Path: name, As: role}, at: by.At}, len(d.Layers)
	e.found(name)
	for _, l := range d.Layers[before:] {
		l.Declared = spec.LayerSpec{}
	}
}

// Ignores reports whether the ignore file of the kind's native client lists a file that another file names.
func (d *Draft) Ignores(by *Layer, name string, isDir bool) bool {
	e := &entry{draft: d, at: by.At}
	return e.ignored(name, isDir)
}

// FilterBelow returns the filter for a directory that another file names: it leaves out that file, the other paths, the
// paths that the native client does not pack, and those left out everywhere. It records the paths that are left out.
func (d *Draft) FilterBelow(by *Layer, dir string, others []string) (spec.Filter, error) {
	e := &entry{draft: d, at: by.At}
	ignored, err := tree.IgnoreFilter(d.FS, dir)
	if err != nil {
		return nil, err
	}
	if e.client, err = roles.ClientFilter(d.FS, d.Kind, dir); err != nil {
		return nil, err
	}
	others = slices.Concat(others, e.ownFiles(), []string{by.Path})
	filter := roles.AnyOf(func(name string, _ bool) bool { return slices.Contains(others, name) }, ignored, e.client)
	e.walk(dir, filter, func(string, fs.DirEntry) bool { return true }) // records the paths that are left out
	return roles.RelativeTo(dir, filter), nil
}

// PackedFile is a file that is packed, with its name after a pull.
type PackedFile struct{ Path, Title string }

// PackedFiles lists the files that a layer is made from, without links.
func (d *Draft) PackedFiles(l *Layer) ([]PackedFile, error) {
	switch {
	case l.Archive:
		return nil, nil
	case !l.Dir && len(l.Files) == 0:
		return []PackedFile{{l.Path, l.Title}}, nil
	}
	names := l.Files
	if l.Dir {
		below, err := FilesBelow(d.FS, l)
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
		if info, err := fs.Lstat(d.FS, name); err == nil && info.Mode().IsRegular() {
			files = append(files, PackedFile{name, path.Join(l.Prefix, tree.Below(l.Path, name))})
		}
	}
	return files, nil
}

// FilesBelow lists the files of a directory that become part of its layer.
func FilesBelow(fsys fs.FS, l *Layer) ([]string, error) {
	files := []string{}
	err := fs.WalkDir(fsys, l.Path, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == l.Path {
			return err
		}
		rel := tree.Below(l.Path, name)
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
