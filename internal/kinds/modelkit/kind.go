// Package modelkit implements the kind for KitOps ModelKits.
package modelkit

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/kinds/model/listing"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
)

// Kind returns the kind of ModelKits.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Native: []string{"kit pull {ref}"},
		Derive: derive,
		Tests: map[string]roles.Test{
			"kitfile": {Expects: "a Kitfile", Find: listing.IsKitfile, Fault: listing.KitfileFault},
		},
		Pull: kind.Pull{Readings: map[string]kind.Reading{
			"model": kind.Machine, "dataset": kind.Machine, "kitfile": kind.Source, "docs": kind.Card,
		}, Facts: kind.FactReaders{Config: weightset.About, Files: weightset.AboutFiles}},
	}
}
