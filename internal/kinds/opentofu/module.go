// Package opentofu implements the kinds for OpenTofu modules and providers.
package opentofu

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// archive is the media type of OpenTofu's zip archives.
const archive = "archive/zip"

// Module returns the kind of modules: a directory, packed as a zip, or a zip, pushed unchanged. A directory of configurations need
// not be a module, so davit.yaml must name the kind.
func Module() kind.Kind {
	return kind.Kind{Kind: mediatypes.Kind{
		Name:     "opentofu-module",
		Summary:  "an OpenTofu module: its directory as a zip archive",
		Identity: mediatypes.Identity{ArtifactType: "application/vnd.opentofu.modulepkg"},
		Layers: []mediatypes.LayerType{
			{Role: "module", MediaType: archive, Match: []string{"*/"}, Packing: mediatypes.Zip, Exclude: []string{"**/.git", "**/.terraform", "**/*.tfstate", "**/*.tfstate.*"}, Min: 1, Max: 1},
			{Role: "module", MediaType: archive, Match: []string{"*.zip"}, MediaTypes: map[mediatypes.Packing]string{mediatypes.Zip: archive}, Min: 1, Max: 1},
		},
		Clients: []string{"tofu"},
		Example: `kind: opentofu-module
version: 1.0.0
layers: [greeting/]
`,
	}}
}
