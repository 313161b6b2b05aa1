package helm

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// data describes a chart: a packaged chart, pushed unchanged, or a chart directory, packaged as helm package does.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "helm",
		Summary: "a Helm chart: a chart directory or a packaged .tgz, with its provenance",
		Config: mediatypes.Config{MediaType: mediatypes.HelmConfig, Derive: "helm", Schema: kind.ObjectField(map[string]any{
			"appVersion": kind.StringField("overrides appVersion in Chart.yaml; version: overrides its version"),
		})},
		Layers: []mediatypes.LayerType{
			{Role: "chart", MediaType: mediatypes.HelmChart, Match: []string{"*/"}, Content: "chart", Packing: mediatypes.TarGzip, Form: mediatypes.Form{Untitled: true, Follow: true}, Min: 1, Max: 1, Tells: true},
			{Role: "chart", MediaType: mediatypes.HelmChart, Match: []string{"*.tgz", "*.tar.gz"}, Content: "chart-archive", Claims: []string{"*-[0-9]*.[0-9]*.[0-9]*.tgz"},
				MediaTypes: map[mediatypes.Packing]string{mediatypes.TarGzip: mediatypes.HelmChart}, Form: mediatypes.Form{Untitled: true}, Min: 1, Max: 1, Tells: true},
			{Role: "chart", MediaType: mediatypes.HelmChart, Match: []string{"*.tgz", "*.tar.gz"}, // an invalid chart, matched so that its fault is reported
				MediaTypes: map[mediatypes.Packing]string{mediatypes.TarGzip: mediatypes.HelmChart}, Form: mediatypes.Form{Untitled: true}, Min: 1, Max: 1},
			{Role: "provenance", MediaType: mediatypes.HelmProvenance, Match: []string{"*.prov"}, Form: mediatypes.Form{Untitled: true}, Max: 1},
		},
		Order:   mediatypes.ByDigest,
		Tagging: mediatypes.Tagging{VersionTag: true, NamedUse: "as a dependency"},
		Clients: []string{"helm"},
		Example: `kind: helm
layers: [greeting/]
`,
	}
}
