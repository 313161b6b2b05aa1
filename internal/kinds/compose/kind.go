// Package compose implements the kind for docker compose applications.
package compose

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind of docker compose applications.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Native: []string{"docker compose -f oci://{ref} config"},
		Derive: derive,
		Tests: map[string]roles.Test{
			"compose": {Expects: "a compose file", Find: isCompose, Fault: composeFault},
		},
		Select: selectFiles,
		Pull:   kind.Pull{Readings: map[string]kind.Reading{"compose": kind.Source}},
	}
}
