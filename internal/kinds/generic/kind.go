// Package generic is the room of the kind for files of any kind.
package generic

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind of files of any kind.
func Kind() kind.Kind {
	return kind.Kind{
		Kind: data(),
		Pull: kind.Pull{Tars: kind.Unpacking{Keep: true}, ImagesToo: true},
	}
}
