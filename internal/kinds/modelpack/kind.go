// Package modelpack implements the kind for models in the CNCF ModelPack format.
package modelpack

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/kinds/model/listing"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
)

// Kind returns the kind of ModelPacks.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Native: []string{"modctl pull {tagged}"},
		Derive: derive,
		Tests: map[string]roles.Test{
			"modelfile": {Expects: "modctl's Modelfile", Find: listing.IsModelfile},
		},
		Pull: kind.Pull{Readings: map[string]kind.Reading{
			"weights": kind.Machine, "dataset": kind.Machine, "modelfile": kind.Source, "doc": kind.Card,
		}, Facts: kind.FactReaders{Config: weightset.About}},
	}
}
