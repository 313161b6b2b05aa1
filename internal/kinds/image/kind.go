// Package image implements the kind for container images.
package image

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind of container images.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Native: []string{"docker pull {ref}", "podman pull {ref}"},
		Derive: derive,
		Tests: map[string]roles.Test{
			"rootfs": {Expects: "the root of a file system", Find: isRootFS},
		},
	}
}
