package mediatypes

// The annotations by which Homebrew finds a bottle in an index.
const (
	BottleDigest = "sh.brew.bottle.digest"
	BottleTab    = "sh.brew.tab"
	// GitHubPackageType tells ghcr.io what a package is.
	GitHubPackageType = "com.github.package.type"
)

// bottle is a Homebrew bottle: an index with one manifest per platform.
var bottle = Kind{
	Name:    "bottle",
	Summary: "a Homebrew bottle: the NAME--VERSION.TAG.bottle.tar.gz of one or more platforms",
	Shape:   Index,
	Config: Config{
		MediaType: ImageConfig,
		Derive:    "bottle",
		Schema: objectField(map[string]any{
			"license":           stringField("an SPDX expression"),
			"homebrew_version":  stringField("of the brew that built it; read from the bottle's receipt"),
			"path_exec_files":   stringsField("what it installs into bin, as brew bottle --json lists it"),
			"cpu_variant":       stringField("on Linux: the oldest processor it runs on"),
			"glibc_version":     stringField("on Linux: the oldest glibc it runs on"),
			"installed_size":    map[string]any{"type": "integer", "minimum": 0, "description": "bytes; counted in the bottle"},
			"os_version":        stringField("macOS 15, Ubuntu 22.04; known for the bottle's tag"),
			"rebuild":           map[string]any{"type": "integer", "minimum": 0, "description": "read from the file's name"},
			"formula_full_name": stringField("homebrew/core/hello; the name alone where left out"),
		}),
	},
	Layers:      []LayerType{{Role: "bottle", MediaType: LayerTarGzip, Match: []string{"*.bottle.tar.gz", "*.bottle.*.tar.gz"}, Content: "bottle", Min: 1, Max: 1, Tells: true}},
	Annotations: map[string]string{GitHubPackageType: "homebrew_bottle"},
	Clients:     []string{"brew"},
	Example: `kind: bottle
layers: ["*.bottle.tar.gz"]
`,
}
