package declare

import (
	"cmp"
	"errors"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kindwords"
	"github.com/davit-oci/davit/mediatypes"
)

// Catalog lists the names that a declaration and a kind file can use.
type Catalog struct {
	Kinds   []mediatypes.Kind // sorted by name
	Derives []string          // names of functions that derive a config
	Tests   []string          // names of tests of a file's content
}

// Lookup returns a kind by its name.
func (c Catalog) Lookup(name string) (mediatypes.Kind, bool) {
	for _, k := range c.Kinds {
		if k.Name == name {
			return k, true
		}
	}
	return mediatypes.Kind{}, false
}

// Writable returns the names of the kinds that can be packed.
func (c Catalog) Writable() []string {
	var names []string
	for _, k := range c.Kinds {
		if !k.ReadOnly {
			names = append(names, k.Name)
		}
	}
	return names
}

// UnknownKind returns the error for a name that is not a kind, or is a kind that can't be packed.
func (c Catalog) UnknownKind(name string) error {
	if _, ok := c.Lookup(name); ok {
		return &spec.Error{Item: name, Err: spec.Invalid(errors.New("this kind can be read but not packed"))}
	}
	return &spec.Error{Item: name, Err: spec.Invalid(errors.New("unknown kind")), Hint: c.suggest(name)}
}

// suggest returns a hint with the kind that was probably meant, or with all kinds that can be packed.
func (c Catalog) suggest(name string) string {
	return cmp.Or(kindwords.Suggest(name, c.Writable()), "kinds: "+strings.Join(c.Writable(), ", "))
}
