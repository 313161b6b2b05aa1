package flux

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// fluxExclude lists the files that "flux push artifact" leaves out by default.
var fluxExclude = []string{"**/.git", "**/.gitignore", "**/.gitmodules", "**/.gitattributes",
	"**/*.jpg", "**/*.jpeg", "**/*.gif", "**/*.png", "**/*.wmv", "**/*.flv", "**/*.tar.gz", "**/*.zip"}

// data describes a directory of Kubernetes manifests that Flux applies.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "flux",
		Summary: "a directory of Kubernetes manifests for Flux",
		Config:  mediatypes.Config{MediaType: mediatypes.FluxConfig, Derive: "flux", Schema: kind.NoFields()},
		Layers: []mediatypes.LayerType{
			{Role: "manifests", MediaType: mediatypes.FluxContent, Match: []string{"*/"}, Content: "manifests", Exclude: fluxExclude, Packing: mediatypes.TarGzip, Form: mediatypes.Form{Untitled: true}, Min: 1, Max: 1, Tells: true},
			{Role: "manifests", MediaType: mediatypes.FluxContent, Match: []string{"*/"}, Exclude: fluxExclude, Packing: mediatypes.TarGzip, Form: mediatypes.Form{Untitled: true}, Min: 1, Max: 1},
			{Role: "manifests", MediaType: mediatypes.FluxContent, Match: []string{"*.yaml", "*.yml"}, Packing: mediatypes.TarGzip, Form: mediatypes.Form{Untitled: true}, Min: 1, Max: 1},
		},
		Clients: []string{"flux"},
		Example: `kind: flux
annotations:
  org.opencontainers.image.source: https://example.com/greeting.git
  org.opencontainers.image.revision: main@sha1:0000000000000000000000000000000000000000
layers: [manifests/]
`,
	}
}
