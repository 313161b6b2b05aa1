package mediatypes

// The types of a Helm chart.
const (
	HelmConfig     = "application/vnd.cncf.helm.config.v1+json"
	HelmChart      = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	HelmProvenance = "application/vnd.cncf.helm.chart.provenance.v1.prov"
)

// helm is a chart: a packaged one as it is, or a directory, which is packaged as helm does it.
var helm = Kind{
	Name:    "helm",
	Summary: "a Helm chart: a chart directory or a packaged .tgz, with its provenance",
	Config:  Config{MediaType: HelmConfig, Derive: "helm", Schema: noFields},
	Layers: []LayerType{
		{Role: "chart", MediaType: HelmChart, Match: []string{"*/"}, Content: "chart", Packing: TarGzip, Untitled: true, Min: 1, Max: 1, Tells: true},
		{Role: "chart", MediaType: HelmChart, Match: []string{"*.tgz", "*.tar.gz"}, Content: "chart-archive", Claims: []string{"*-[0-9]*.[0-9]*.[0-9]*.tgz"},
			MediaTypes: map[Packing]string{TarGzip: HelmChart}, Untitled: true, Min: 1, Max: 1, Tells: true},
		{Role: "chart", MediaType: HelmChart, Match: []string{"*.tgz", "*.tar.gz"}, // broken ones, so that it is said what is wrong
			MediaTypes: map[Packing]string{TarGzip: HelmChart}, Untitled: true, Min: 1, Max: 1},
		{Role: "provenance", MediaType: HelmProvenance, Match: []string{"*.prov"}, Untitled: true, Max: 1},
	},
	Order:   ByDigest,
	Clients: []string{"helm"},
	Example: `kind: helm
layers: [greeting/]
`,
}
