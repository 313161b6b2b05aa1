// Package artifacthub implements the kind for files for Artifact Hub.
package artifacthub

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind of files for Artifact Hub.
func Kind() kind.Kind {
	return kind.Kind{
		Kind: data(),
		Pull: kind.Pull{Readings: map[string]kind.Reading{"metadata": kind.Itself}},
	}
}
