package compose

import (
	"fmt"
	"slices"

	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/tree"
)

// listUnpacked lists the paths that were left out, without those that another entry names and packs.
func (d *Draft) listUnpacked() []string {
	var packed []string
	for _, l := range d.Layers {
		if packed = append(packed, l.Files...); l.Files == nil {
			packed = append(packed, l.Path, roles.EntryName(l.Source(), l.Dir))
		}
	}
	for _, dir := range d.Spec.Dirs {
		d.LeftOut = append(d.LeftOut, roles.Rest(d.FS, dir, append((&entry{draft: d}).ownFiles(), packed...))...)
	}
	return roles.Unpacked(d.LeftOut, packed)
}

// DropUnnamed records the files of layers that were dropped because the file by, a Kitfile or Modelfile of the native client, does not name
// them.
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
