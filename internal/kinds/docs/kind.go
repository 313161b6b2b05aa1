// Package docs implements the kind for documentation.
package docs

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind of documentation.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Derive: derive,
		Tests: map[string]roles.Test{
			"docs": {Expects: "a directory with an index page and mostly pages, or with only pages and pictures", Find: isDocs, IsGeneral: true, Last: hasOnlyPages},
		},
		Pull: kind.Pull{Index: readIndex},
	}
}
