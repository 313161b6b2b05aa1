// Package template implements the kind for Dev Container Templates.
package template

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/devcontainer"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Kind returns the kind of Dev Container Templates.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Derive: derive,
		Tests: map[string]roles.Test{
			"template": {Expects: "a directory with a devcontainer-template.json", Find: devcontainer.HasFile("template")},
		},
		Matches: func(t mediatypes.Traits) bool { return devcontainer.IsTemplate(t) && !devcontainer.IsCollection(t) },
		Pull:    kind.Pull{Facts: kind.FactReaders{Annotations: devcontainer.About}},
	}
}
