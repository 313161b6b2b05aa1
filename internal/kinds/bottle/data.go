package bottle

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// data describes a Homebrew bottle: an index with one manifest per platform.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "bottle",
		Summary: "a Homebrew bottle: the NAME--VERSION.TAG.bottle.tar.gz of one or more platforms",
		Shape:   mediatypes.Index,
		Config: mediatypes.Config{
			MediaType: mediatypes.ImageConfig,
			Derive:    "bottle",
			Schema: kind.ObjectField(map[string]any{
				"license":           kind.StringField("an SPDX expression"),
				"homebrew_version":  kind.StringField("of the brew that built it; read from the bottle's receipt"),
				"path_exec_files":   kind.StringsField("what it installs into bin, as brew bottle --json lists it"),
				"cpu_variant":       kind.StringField("on Linux: the oldest processor it runs on"),
				"glibc_version":     kind.StringField("on Linux: the oldest glibc it runs on"),
				"installed_size":    map[string]any{"type": "integer", "minimum": 0, "description": "bytes; counted in the bottle"},
				"os_version":        kind.StringField("macOS 15, Ubuntu 22.04; known for the bottle's tag"),
				"rebuild":           map[string]any{"type": "integer", "minimum": 0, "description": "read from the file's name"},
				"formula_full_name": kind.StringField("homebrew/core/hello; only the name where left out"),
			}),
		},
		Layers:      []mediatypes.LayerType{{Role: "bottle", MediaType: mediatypes.LayerTarGzip, Match: []string{"*.bottle.tar.gz", "*.bottle.*.tar.gz"}, Content: "bottle", Claims: []string{"*--*.bottle.tar.gz", "*--*.bottle.*.tar.gz"}, Min: 1, Max: 1, Tells: true}},
		Annotations: map[string]string{mediatypes.GitHubPackageType: "homebrew_bottle"},
		Clients:     []string{"brew"},
		Example: `kind: bottle
layers: ["*.bottle.tar.gz"]
`,
	}
}
