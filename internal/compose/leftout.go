package compose

import (
	"fmt"
	"slices"

	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/tree"
)

// unpacked lists the paths that were left out and are not packed by another entry that names them.
func (c *Draft) unpacked() []string {
	return slices.DeleteFunc(Unique(c.LeftOut), func(name string) bool {
		return slices.ContainsFunc(c.Layers, func(l *Layer) bool { return roles.EntryName(l.Source(), l.Dir) == name })
	})
}

// DropUnnamed records the files of layers that were dropped because a file of the native client's own, a Kitfile or a
// Modelfile, does not name them.
func (c *Draft) DropUnnamed(by string, dropped []*Layer) {
	before := len(c.LeftOut)
	for _, l := range dropped {
		packed := func(o *Layer) bool { return o.Source() == l.Source() || o.Dir && tree.Within(o.Path, l.Source()) }
		if l.Source() != by && !slices.ContainsFunc(c.Layers, packed) {
			c.LeftOut = append(c.LeftOut, roles.EntryName(l.Source(), l.Dir))
		}
	}
	if len(c.LeftOut) > before {
		c.Notes = append(c.Notes, fmt.Sprintf("%s: %s says what is packed", c.Kind.Name, by))
	}
}
