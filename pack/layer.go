package pack

import (
	"maps"

	"github.com/davit-oci/davit/artifact"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layerAnnotations are the plan's and the title.
func layerAnnotations(layer artifact.Layer) map[string]string {
	if layer.Title == "" && len(layer.Annotations) == 0 {
		return nil
	}
	all := maps.Clone(layer.Annotations)
	if all == nil {
		all = make(map[string]string, 1)
	}
	if layer.Title != "" {
		all[ocispec.AnnotationTitle] = layer.Title
	}
	return all
}
