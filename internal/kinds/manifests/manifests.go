// Package manifests implements the kind for Kubernetes manifests that Argo CD applies.
package manifests

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Kind returns the kind of Argo CD sources. By default, Argo CD accepts the media type of this kind's layer, but not that of
// Flux. A directory of manifests is a Flux source unless davit.yaml names this kind.
func Kind() kind.Kind {
	layer := mediatypes.LayerType{
		Role: "manifests", MediaType: mediatypes.LayerTarGzip, MediaTypes: map[mediatypes.Packing]string{mediatypes.Tar: mediatypes.LayerTar},
		Packing: mediatypes.TarGzip, Exclude: []string{"**/.git"}, Form: mediatypes.Form{Untitled: true}, Min: 1, Max: 1,
	}
	directory, file := layer, layer
	directory.Match, file.Match = []string{"*/"}, []string{"*.yaml", "*.yml", "*.json"}
	return kind.Kind{Kind: mediatypes.Kind{
		Name:     "manifests",
		Summary:  "a directory of Kubernetes manifests for Argo CD",
		Identity: mediatypes.Identity{ArtifactType: "application/vnd.davit.manifests.v1"},
		Layers:   []mediatypes.LayerType{directory, file},
		Clients:  []string{"Argo CD"},
		Example: `kind: manifests
annotations:
  org.opencontainers.image.source: https://example.com/greeting.git
  org.opencontainers.image.revision: "0000000000000000000000000000000000000000"
layers: [manifests/]
`,
	}}
}
