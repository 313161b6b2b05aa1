package fetch

import (
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/missing"
)

// MissingFile returns the error for a file that no item is or contains. The names in seen are those of other files.
func MissingFile(items []*Item, name string, seen []string) *missing.NameError {
	for _, it := range items {
		switch {
		case !it.Unpack:
			seen = missing.AddName(seen, it.Name)
		case !it.MayHave(name):
			seen = missing.AddName(seen, path.Join(it.Within, "**"))
		}
	}
	return &missing.NameError{Typed: name, Names: seen}
}

// missingRole returns the error for roles that no layer has.
func (m *Manifest) missingRole(roles []string) error {
	err := &missing.NameError{Text: "layers with the role " + strings.Join(roles, ", "), Typed: roles[0]}
	for _, layer := range m.Layers {
		if role := RoleOf(m.Kind(), layer.MediaType); role != "" {
			err.Names = missing.AddName(err.Names, role)
		}
	}
	return err
}

// Titles returns the names of the files in the manifest, and a pattern for each layer that is unpacked.
func (m *Manifest) Titles() []string {
	k := kinds.Of(m.Kind())
	var names []string
	for i, layer := range m.Layers {
		name := LayerName(layer)
		it := &Item{Index: i, Desc: layer, Role: RoleOf(k.Kind, layer.MediaType)}
		it.decideUnpack(m, k, name)
		if it.Unpack {
			name = path.Join(it.Within, "**")
		}
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}
