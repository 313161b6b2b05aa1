// Package collection implements the kind for collections of Dev Container Features or Templates.
package collection

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/devcontainer"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind of collections of Dev Container Features or Templates.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Derive: derive,
		Select: selectHome,
		Tests: map[string]roles.Test{
			"collection": {Expects: "a directory of Dev Container Features or Templates", Find: isCollection},
		},
		Matches: devcontainer.IsCollection,
	}
}
