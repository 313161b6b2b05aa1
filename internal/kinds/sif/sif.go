// Package sif implements the kind for Apptainer and Singularity images.
package sif

import (
	"bytes"

	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// Kind returns the kind of Apptainer images, each of which is a single file.
func Kind() kind.Kind {
	return kind.Kind{
		Kind: mediatypes.Kind{
			Name:    "sif",
			Summary: "an Apptainer or Singularity image",
			Config:  mediatypes.Config{MediaType: "application/vnd.sylabs.sif.config.v1+json", Schema: kind.NoFields()},
			Layers: []mediatypes.LayerType{{
				Role: "image", MediaType: "application/vnd.sylabs.sif.layer.v1.sif", Match: []string{"*.sif"}, Content: "sif", Min: 1, Max: 1, Tells: true,
				Form: mediatypes.Form{Untitled: true}, Annotations: map[string]string{"org.opencontainers.image.title": "{base}"},
			}},
			Clients: []string{"apptainer", "singularity"},
			Example: `kind: sif
version: 1.0.0
layers: [greeting.sif]
`,
		},
		Tests: map[string]roles.Test{"sif": {Expects: "an Apptainer image (SIF)", Find: isSIF}},
	}
}

// isSIF recognizes an image by the magic number after its launch line.
func isSIF(s *tree.Sample) (string, bool) {
	head := s.Head()
	return "has the magic number of SIF", len(head) > 42 && bytes.Equal(head[32:41], []byte("SIF_MAGIC"))
}
