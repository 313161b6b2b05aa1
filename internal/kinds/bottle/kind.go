// Package bottle implements the kind for Homebrew bottles.
package bottle

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Kind returns the kind of Homebrew bottles.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Derive: derive,
		Tests: map[string]roles.Test{
			"bottle": {Expects: "a Homebrew bottle", Find: isBottle, Fault: bottleFault},
		},
		Matches: func(t mediatypes.Traits) bool {
			return t.Annotations[mediatypes.GitHubPackageType] == "homebrew_bottle" || t.Annotations[mediatypes.BottleDigest] != ""
		},
	}
}
