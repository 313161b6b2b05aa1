package helmplugin

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// data describes a plugin: a plugin directory, packed as Helm packages it, or a packaged plugin, pushed unchanged.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:     "helm-plugin",
		Summary:  "a Helm 4 plugin: its directory or a packaged .tgz, with its provenance",
		Identity: mediatypes.Identity{ArtifactType: "application/vnd.helm.plugin.v1+json"},
		Config:   mediatypes.Config{Derive: "helm-plugin", Schema: kind.NoFields()},
		Layers: []mediatypes.LayerType{
			{Role: "plugin", MediaType: mediatypes.LayerTarGzip, Match: []string{"*/"}, Content: "helm-plugin", Packing: mediatypes.TarGzip,
				Form: mediatypes.Form{Untitled: true, File: true}, Min: 1, Max: 1, Tells: true},
			{Role: "plugin", MediaType: mediatypes.LayerTarGzip, Match: []string{"*/"}, Packing: mediatypes.TarGzip, // a Helm 3 plugin, or an invalid one
				Form: mediatypes.Form{Untitled: true, File: true}, Min: 1, Max: 1},
			{Role: "plugin", MediaType: mediatypes.LayerTarGzip, Match: []string{"*.tgz", "*.tar.gz"},
				MediaTypes: map[mediatypes.Packing]string{mediatypes.TarGzip: mediatypes.LayerTarGzip}, Form: mediatypes.Form{Untitled: true, File: true}, Min: 1, Max: 1},
			{Role: "provenance", MediaType: mediatypes.HelmProvenance, Match: []string{"*.prov"}, Form: mediatypes.Form{Untitled: true}, Max: 1},
		},
		Tagging: mediatypes.Tagging{VersionTag: true, NamedRepository: true},
		Clients: []string{"helm 4"},
		Example: `kind: helm-plugin
layers: [greeting/]
`,
	}
}
