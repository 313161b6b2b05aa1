// Package helmplugin implements the kind for Helm plugins.
package helmplugin

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind of Helm plugins.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Derive: derive,
		Tests: map[string]roles.Test{
			"helm-plugin": {Expects: "the directory of a Helm plugin", Find: isPlugin},
		},
	}
}
