// Package feature implements the kind for Dev Container Features.
package feature

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/devcontainer"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Kind returns the kind of Dev Container Features.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Derive: derive,
		Tests: map[string]roles.Test{
			"feature": {Expects: "a directory with a devcontainer-feature.json", Find: devcontainer.HasFile("feature")},
		},
		Matches: func(t mediatypes.Traits) bool {
			return t.ConfigType == mediatypes.DevContainer && !devcontainer.IsCollection(t) && !devcontainer.IsTemplate(t)
		},
		Pull: kind.Pull{Facts: kind.FactReaders{Annotations: devcontainer.About}},
	}
}
