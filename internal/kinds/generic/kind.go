// Package generic implements the kind for files of any type.
package generic

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind for files of any type.
func Kind() kind.Kind {
	return kind.Kind{
		Kind: data(),
		Pull: kind.Pull{Tars: kind.Unpacking{Keep: true}, ImagesToo: true},
	}
}
