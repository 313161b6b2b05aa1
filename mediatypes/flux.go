package mediatypes

// The types of a Flux artifact, and of a Timoni one, which flux refuses and timoni wants.
const (
	FluxConfig  = "application/vnd.cncf.flux.config.v1+json"
	FluxContent = "application/vnd.cncf.flux.content.v1.tar+gzip"
)

// fluxExclude is what "flux push artifact" leaves out unless it is told otherwise.
var fluxExclude = []string{"**/.git", "**/.gitignore", "**/.gitmodules", "**/.gitattributes",
	"**/*.jpg", "**/*.jpeg", "**/*.gif", "**/*.png", "**/*.wmv", "**/*.flv", "**/*.tar.gz", "**/*.zip"}

// flux is a directory of Kubernetes manifests that Flux applies.
var flux = Kind{
	Name:    "flux",
	Summary: "a directory of Kubernetes manifests for Flux",
	Config:  Config{MediaType: FluxConfig, Derive: "flux", Schema: noFields},
	Layers: []LayerType{
		{Role: "manifests", MediaType: FluxContent, Match: []string{"*/"}, Content: "manifests", Exclude: fluxExclude, Packing: TarGzip, Untitled: true, Min: 1, Max: 1, Tells: true},
		{Role: "manifests", MediaType: FluxContent, Match: []string{"*/"}, Exclude: fluxExclude, Packing: TarGzip, Untitled: true, Min: 1, Max: 1},
		{Role: "manifests", MediaType: FluxContent, Match: []string{"*.yaml", "*.yml"}, Packing: TarGzip, Untitled: true, Min: 1, Max: 1},
	},
	Clients: []string{"flux"},
	Example: `kind: flux
annotations:
  org.opencontainers.image.source: https://example.com/greeting.git
  org.opencontainers.image.revision: main@sha1:0000000000000000000000000000000000000000
layers: [manifests/]
`,
}
