// Package volume implements the kind for container volumes.
package volume

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Kind returns the kind of container volumes.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Native: []string{"docker pull {ref}", "podman pull {ref}"},
		Tests: map[string]roles.Test{
			"tar": {Expects: "a tar", Find: isTar},
		},
		Matches: func(t mediatypes.Traits) bool { return t.Annotations[mediatypes.KindAnnotation] == mediatypes.Volume },
		Export:  &kind.Export{Scheme: "podman-volume", Command: []string{"podman", "volume", "export"}},
		Pull:    kind.Pull{Joins: true},
	}
}
