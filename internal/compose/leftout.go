package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/tree"
)

// unpacked lists the paths that were left out and are not packed by another entry that names them.
func (d *Draft) unpacked() []string {
	for _, dir := range d.Spec.Dirs {
		d.leaveRest(dir)
	}
	all := lists.Unique(d.LeftOut)
	isListed := func(dir string) bool {
		return slices.ContainsFunc(all, func(name string) bool { return name != dir && strings.HasPrefix(name, dir) })
	}
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool {
		return strings.HasSuffix(name, "/") && isListed(name) || slices.ContainsFunc(d.Layers, func(l *Layer) bool { return roles.EntryName(l.Source(), l.Dir) == name })
	})
}

// leaveRest records the paths of a directory that no layer packs.
func (d *Draft) leaveRest(dir string) {
	packed := (&entry{draft: d}).ownFiles()
	for _, l := range d.Layers {
		if packed = append(packed, l.Files...); l.Files == nil {
			packed = append(packed, l.Path)
		}
	}
	d.LeftOut = append(d.LeftOut, roles.Rest(d.FS, dir, packed)...)
}

// DropUnnamed records the files of layers that were dropped because a file of the native client's own, a Kitfile or a
// Modelfile, does not name them.
func (d *Draft) DropUnnamed(by string, dropped []*Layer) {
	before := len(d.LeftOut)
	for _, l := range dropped {
		packed := func(o *Layer) bool { return o.Source() == l.Source() || o.Dir && tree.IsWithin(o.Path, l.Source()) }
		if l.Source() != by && !slices.ContainsFunc(d.Layers, packed) {
			d.LeftOut = append(d.LeftOut, roles.EntryName(l.Source(), l.Dir))
		}
	}
	if len(d.LeftOut) > before {
		d.Notes = append(d.Notes, fmt.Sprintf("%s: %s lists the files to pack", d.Kind.Name, by))
	}
}
