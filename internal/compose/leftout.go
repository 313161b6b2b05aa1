package compose

import (
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/tree"
)

// unpacked lists the paths that were left out and are not packed by another entry that names them.
func (d *Draft) unpacked() []string {
	for _, dir := range d.Spec.Dirs {
		d.leaveRest(dir)
	}
	return slices.DeleteFunc(Unique(d.LeftOut), func(name string) bool {
		return slices.ContainsFunc(d.Layers, func(l *Layer) bool { return roles.EntryName(l.Source(), l.Dir) == name })
	})
}

// leaveRest records the paths of a directory that no layer packs. Those that .davitignore lists are not among them: their
// author knows.
func (d *Draft) leaveRest(dir string) {
	packed, above := map[string]bool{}, map[string]bool{}
	for _, l := range d.Layers {
		names := l.Files
		if names == nil {
			names = []string{l.Path}
		}
		for _, name := range names {
			packed[name] = true
			for _, dir := range tree.Parents(path.Dir(name)) {
				above[dir] = true
			}
		}
	}
	filter, err := tree.IgnoreFilter(d.FS, dir)
	if err != nil || packed[dir] {
		return // an error was reported when the files were looked up
	}
	own := (&entry{draft: d}).ownFiles()
	_ = fs.WalkDir(d.FS, dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case name == dir || err == nil && e.IsDir() && above[name] && !packed[name]:
			return nil
		case err == nil && !packed[name] && !filter(name, e.IsDir()) && !slices.Contains(own, name):
			d.LeftOut = append(d.LeftOut, roles.EntryName(name, e.IsDir()))
		}
		if e != nil && e.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}

// DropUnnamed records the files of layers that were dropped because a file of the native client's own, a Kitfile or a
// Modelfile, does not name them.
func (d *Draft) DropUnnamed(by string, dropped []*Layer) {
	before := len(d.LeftOut)
	for _, l := range dropped {
		packed := func(o *Layer) bool { return o.Source() == l.Source() || o.Dir && tree.Within(o.Path, l.Source()) }
		if l.Source() != by && !slices.ContainsFunc(d.Layers, packed) {
			d.LeftOut = append(d.LeftOut, roles.EntryName(l.Source(), l.Dir))
		}
	}
	if len(d.LeftOut) > before {
		d.Notes = append(d.Notes, fmt.Sprintf("%s: %s says what is packed", d.Kind.Name, by))
	}
}
