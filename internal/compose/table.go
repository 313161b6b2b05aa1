package compose

import (
	"io/fs"
	"maps"
	"slices"

	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/mediatypes"
)

// Table lists the kinds, and the functions that their data name.
type Table struct {
	roles.Table
	Derive map[string]DeriveFunc // by mediatypes.Config.Derive
	Select map[string]SelectFunc // by mediatypes.Config.Derive
	// Outline has the functions that summarize documents, by the name of their kind.
	Outline map[string]OutlineFunc
}

// SelectFunc reduces the files found in a directory to those that the native client takes.
type SelectFunc func(d *Directory) (Selection, error)

// Directory is a directory whose kind is known.
type Directory struct {
	FS     fs.FS
	Path   string
	Found  []string                 // the files that have a role in the kind
	RoleOf func(path string) string // the role of a file in the kind
}

// Selection lists the files of a directory that are packed, and those that are not.
type Selection struct {
	Paths  []string
	As     map[string]string // roles of Paths, where their names and contents do not show them
	Unused []string          // paths in Paths that composing leaves out
	Left   []string          // files of the kind that are not taken
	Why    string            // why the files in Left are not taken, as the end of a sentence
}

// Catalog returns the names that a declaration can use.
func (t *Table) Catalog() declare.Catalog {
	return declare.Catalog{Kinds: t.Kinds, Derives: slices.Sorted(maps.Keys(t.Derive)), Tests: slices.Sorted(maps.Keys(t.Tests))}
}

// Lookup returns a kind by its name.
func (t *Table) Lookup(name string) (mediatypes.Kind, bool) {
	return declare.Catalog{Kinds: t.Kinds}.Lookup(name)
}
