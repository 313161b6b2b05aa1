// Package roles finds the role of a file in a kind, by its name and content, and the files that the native client of the kind leaves out.
package roles

import "github.com/davit-oci/davit/mediatypes"

// Table lists kinds, and the tests of content that their data name.
type Table struct {
	Kinds []mediatypes.Kind // sorted by name
	Tests map[string]Test   // by mediatypes.LayerType.Content
}
