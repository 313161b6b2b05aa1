// Package model is the room of the kinds for models: those of Docker Model Runner, the CNCF ModelPack, and the ModelKit.
package model

import (
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Model returns the kind of models for Docker Model Runner.
func Model() kind.Kind {
	return kind.Kind{
		Kind:   model(),
		Derive: deriveModel,
		Tests: map[string]compose.Test{
			"gguf-projector": {Expects: "a multimodal projector in GGUF", Find: isProjector},
		},
		Pull: kind.Pull{HasWeights: true, Machine: machine()},
	}
}

// ModelKit returns the kind of ModelKits.
func ModelKit() kind.Kind {
	return kind.Kind{
		Kind:   modelkit(),
		Derive: deriveModelKit,
		Tests: map[string]compose.Test{
			"kitfile": {Expects: "a Kitfile", Find: isKitfile, Fault: kitfileFault},
		},
		Pull: kind.Pull{Machine: machine(), Sources: []string{"kitfile"}, Cards: []string{"docs"}},
	}
}

// ModelPack returns the kind of ModelPacks.
func ModelPack() kind.Kind {
	return kind.Kind{
		Kind:   modelpack(),
		Derive: deriveModelPack,
		Tests: map[string]compose.Test{
			"modelfile":    {Expects: "modctl's Modelfile", Find: isModelfile},
			"no-modelfile": {Expects: "what is no Modelfile and no Kitfile", Find: isNoModelfile},
		},
		Pull: kind.Pull{Machine: machine(), Sources: []string{"modelfile"}, Cards: []string{"doc"}},
	}
}
