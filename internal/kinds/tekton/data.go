package tekton

import (
	"slices"

	"github.com/davit-oci/davit/internal/kinds/image"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

const name = "tekton-bundle"

// Kind returns the kind of Tekton bundles: an image with a layer for each object. Tekton manifests can't be told from other
// Kubernetes manifests, so davit.yaml must name the kind.
func Kind() kind.Kind {
	return kind.Kind{
		Kind: mediatypes.Kind{
			Name:    name,
			Summary: "Tasks and Pipelines of Tekton: a layer for each object in YAML files",
			Shape:   mediatypes.Image,
			Config:  mediatypes.Config{MediaType: mediatypes.ImageConfig, Derive: "documents", Schema: image.Fields()},
			Layers: []mediatypes.LayerType{{
				Role: "object", MediaType: mediatypes.LayerTar, Match: []string{"*.yaml", "*.yml"}, Packing: mediatypes.Tar, Min: 1, Max: 20,
				Form: mediatypes.Form{Untitled: true},
				Annotations: map[string]string{
					"dev.tekton.image.name": "{name}", "dev.tekton.image.kind": "{kind}", "dev.tekton.image.apiVersion": "{version}",
				},
			}},
			Annotations: map[string]string{mediatypes.KindAnnotation: name},
			Directories: mediatypes.Directories{Expand: true},
			Clients:     []string{"tkn", "Tekton Pipelines"},
			Example: `kind: tekton-bundle
version: 1.0.0
layers: [greeting.yaml]
`,
		},
		Derive: derive,
		Matches: func(t mediatypes.Traits) bool {
			isOther := func(l mediatypes.LayerTraits) bool { return l.Annotations["dev.tekton.image.kind"] == "" }
			return t.Annotations[mediatypes.KindAnnotation] == name || len(t.Layers) > 0 && !slices.ContainsFunc(t.Layers, isOther)
		},
	}
}
