// Package modelpack is the room of the kind for models in the CNCF ModelPack format.
package modelpack

import (
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
)

// Kind returns the kind of ModelPacks.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Derive: derive,
		Tests: map[string]compose.Test{
			"modelfile": {Expects: "modctl's Modelfile", Find: IsModelfile},
		},
		Pull: kind.Pull{Machine: weightset.MachineRoles(), Sources: []string{"modelfile"}, Cards: []string{"doc"}},
	}
}
