package mediatypes

// generic is what oras pushes: any files, any type.
var generic = Kind{
	Name:         "generic",
	Summary:      "any files and directories, as oras pushes them",
	ArtifactType: UnknownArtifact,
	Types:        []string{UnknownConfig},
	Config:       Config{MediaType: UnknownConfig, Optional: true},
	Layers: []LayerType{
		{Role: "directory", MediaType: LayerTarGzip, MediaTypes: ociTars, Match: []string{"*/"}, Packing: TarGzip, Prefix: "{title}/"},
		{Role: "file", MediaType: octetStream, MediaTypes: ociTars, Match: []string{"*"}, Prefix: "{title}/"},
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
