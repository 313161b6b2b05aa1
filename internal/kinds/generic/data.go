package generic

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// data describes artifacts as oras pushes them: any files, of any media type.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "generic",
		Summary: "any files and directories, as oras pushes them",
		Identity: mediatypes.Identity{
			ArtifactType: mediatypes.UnknownArtifact,
			Types:        []string{mediatypes.UnknownConfig},
		},
		Config: mediatypes.Config{MediaType: mediatypes.UnknownConfig, Optional: true},
		Layers: []mediatypes.LayerType{
			{Role: "directory", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars(), Match: []string{"*/"}, Packing: mediatypes.TarGzip, Form: mediatypes.Form{Prefix: "{title}/"}},
			{Role: "file", MediaType: mediatypes.OctetStream, MediaTypes: kind.Tars(), Match: []string{"*"}, Form: mediatypes.Form{Prefix: "{title}/"}},
		},
		Clients: []string{"oras", "regctl", "podman artifact"},
		Example: `kind: generic
name: greeting
version: 1.0.0
layers:
  - hello.txt
  - path: settings/
    exclude: ["*.bak"]
`,
	}
}
