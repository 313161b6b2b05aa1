// Package model implements the kind for models for Docker Model Runner.
package model

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
)

// Kind returns the kind of models for Docker Model Runner.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Native: []string{"docker model pull {ref}"},
		Derive: derive,
		Tests: map[string]roles.Test{
			"gguf-projector": {Expects: "a multimodal projector in GGUF", Find: isProjector},
			"gguf":           {Expects: "GGUF without an extension", Find: isGGUF},
		},
		Names: weightset.Cards(),
		Pull: kind.Pull{
			Readings:   map[string]kind.Reading{"weights": kind.Machine, "license": kind.License},
			HasWeights: true,
			NameAll:    nameAll,
			Facts:      kind.FactReaders{Config: weightset.About},
		},
	}
}
