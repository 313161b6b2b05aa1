package compose

import (
	"io/fs"
	"slices"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/tree"
)

// AddFile adds a layer with this role for a file that another file names, such as a Modelfile. by is the layer of that other file.
func (d *Draft) AddFile(by *Layer, name, role string) {
	e, before := &entry{draft: d, LayerSpec: spec.LayerSpec{Path: name, As: role}, at: by.At}, len(d.Layers)
	e.takeFound(name)
	for _, l := range d.Layers[before:] {
		l.Declared = spec.LayerSpec{}
	}
}

// Ignores reports whether the native client's ignore file lists a file that the file of layer by names, and records it as left out.
func (d *Draft) Ignores(by *Layer, name string, isDir bool) bool {
	e := &entry{draft: d, at: by.At}
	return e.leaveOutIgnored(name, isDir)
}

// FilterBelow returns the filter for a directory that the file of the layer by names. It leaves out this file, the paths in others, and the
// paths that .davitignore or the native client leaves out. It records these paths as left out.
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
	e.elsewhere = others
	filter := roles.AnyOf(func(name string, _ bool) bool { return slices.Contains(others, name) }, ignored, e.client)
	e.walk(dir, filter, func(string, fs.DirEntry) bool { return true }) // records the paths that are left out
	return roles.RelativeTo(dir, filter), nil
}
