package fetch

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/textdist"
	"oras.land/oras-go/v2/errdef"
)

// maxKnown bounds the names that are kept to suggest one.
const maxKnown = 10_000

// MissingError reports that an artifact has no file or role with a name. It is an errdef.ErrNotFound.
type MissingError struct {
	Text  string   // the missing objects; empty: the file with the name
	Typed string   // the name
	Names []string // some that the artifact has
}

// Error returns the message.
func (e *MissingError) Error() string { return strings.TrimPrefix(e.Text+": not found", ": ") }

// Unwrap returns errdef.ErrNotFound.
func (e *MissingError) Unwrap() error { return errdef.ErrNotFound }

// Hint returns the name that was probably meant, or the first names.
func (e *MissingError) Hint() string {
	names := slices.Compact(slices.Sorted(slices.Values(e.Names)))
	bases := make([]string, len(names)) // the user may have left the directory out
	for i, name := range names {
		bases[i] = path.Base(name)
	}
	near := textdist.Closest(e.Typed, names)
	if i := slices.Index(bases, textdist.Closest(e.Typed, bases)); near == "" && i >= 0 {
		near = names[i]
	}
	switch {
	case slices.ContainsFunc(names, func(name string) bool { return e.Typed != "" && strings.HasPrefix(name, e.Typed+"/") }):
		return "it is a directory: davit ls lists its files"
	case near != "":
		return fmt.Sprintf("did you mean %q?", near)
	case len(names) == 0:
		return ""
	}
	if names = slices.DeleteFunc(names, func(name string) bool { return name == "**" }); len(names) == 0 { // of layers that were not read
		return "davit ls lists the files"
	}
	// Reading a layer only for a hint would take too long.
	if dir, ok := strings.CutSuffix(names[0], "/**"); ok && len(names) == 1 {
		return fmt.Sprintf("its files are in %s/: %q? (davit ls lists them)", dir, path.Join(dir, e.Typed))
	}
	hint := "it has " + textdist.FirstFew(names)
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, "/**") }) {
		hint += " (davit ls lists the files)"
	}
	return hint
}

// AddName adds a name to those that a MissingError may suggest, unless there are too many.
func AddName(names []string, name string) []string {
	if len(names) < maxKnown {
		names = append(names, name)
	}
	return names
}

// MissingFile returns the error for a file that is not among or in the items. seen are names of other files.
func MissingFile(items []*Item, name string, seen []string) *MissingError {
	for _, it := range items {
		switch {
		case !it.Unpack:
			seen = AddName(seen, it.Name)
		case !it.MayHave(name):
			seen = AddName(seen, path.Join(it.Within, "**"))
		}
	}
	return &MissingError{Typed: name, Names: seen}
}

// missingRole returns the error for roles that no layer has.
func (m *Manifest) missingRole(roles []string) error {
	missing := &MissingError{Text: "layers with the role " + strings.Join(roles, ", "), Typed: roles[0]}
	for _, layer := range m.Layers {
		if role := RoleOf(m.Kind(), layer.MediaType); role != "" {
			missing.Names = AddName(missing.Names, role)
		}
	}
	return missing
}

// Titles returns the names of files in the manifest, and patterns for files in directories.
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
