// Package image is the room of the kinds for container images, and volumes.
package image

import (
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Image returns the kind of container images.
func Image() kind.Kind {
	return kind.Kind{
		Kind:   image(),
		Derive: derive,
		Tests: map[string]compose.Test{
			"rootfs": {Expects: "the root of a file system", Find: isRootFS},
			"tar":    {Expects: "a tar", Find: isTar},
		},
	}
}

// Volume returns the kind of volumes.
func Volume() kind.Kind {
	return kind.Kind{
		Kind: volume(),
		Sign: func(t mediatypes.Traits) bool { return t.Annotations[mediatypes.KindAnnotation] == mediatypes.Volume },
		Pull: kind.Pull{Joins: true},
	}
}
