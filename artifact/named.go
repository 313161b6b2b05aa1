package artifact

import (
	"io/fs"
	"slices"
)

// addFile adds a layer for a file that another file names, such as a Modelfile, in a role.
func (c *composition) addFile(by *chosen, name, role string) {
	e := &entry{composition: c, LayerSpec: LayerSpec{Path: name, As: role}, at: by.at}
	e.found(name)
}

// ignores reports whether the ignore file of the kind's native client lists a file that another file names.
func (c *composition) ignores(by *chosen, name string, isDir bool) bool {
	e := &entry{composition: c, at: by.at}
	return e.ignored(name, isDir)
}

// filterBelow returns the filter for a directory that another file names: it leaves out that file, the other paths, what
// the native client does not pack, and what is left out everywhere. It records what is left out.
func (c *composition) filterBelow(by *chosen, dir string, others []string) (Filter, error) {
	e := &entry{composition: c, at: by.at}
	ignored, err := ignoreFilter(c.fsys, dir)
	if err != nil {
		return nil, err
	}
	if e.client, err = clientFilter(c.fsys, c.kind, dir); err != nil {
		return nil, err
	}
	others = slices.Concat(others, e.ownFiles(), []string{by.Path})
	filter := anyOf(func(name string, _ bool) bool { return slices.Contains(others, name) }, ignored, e.client)
	e.walk(dir, filter, func(string, fs.DirEntry) bool { return true }) // records what is left out
	return relative(dir, filter), nil
}
