// Package flux implements the kind for Flux sources.
package flux

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind of Flux sources.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Native: []string{"flux pull artifact oci://{ref} --output ."},
		Derive: derive,
		Tests: map[string]roles.Test{
			"manifests": {Expects: "a directory of Kubernetes manifests", Find: isManifests},
		},
	}
}
