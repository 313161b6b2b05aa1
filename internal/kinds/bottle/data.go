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
				"homebrew_version":  kind.StringField("version of brew that built the bottle; read from its receipt"),
				"path_exec_files":   kind.StringsField("executables that the bottle installs, as brew bottle --json lists them"),
				"cpu_variant":       kind.StringField("on Linux: the oldest processor that the bottle runs on"),
				"glibc_version":     kind.StringField("on Linux: the oldest glibc that the bottle runs on"),
				"installed_size":    map[string]any{"type": "integer", "minimum": 0, "description": "size in bytes; computed from the bottle"},
				"os_version":        kind.StringField("such as macOS 15 or Ubuntu 22.04; derived from the bottle's tag"),
				"rebuild":           map[string]any{"type": "integer", "minimum": 0, "description": "read from the file's name"},
				"formula_full_name": kind.StringField("such as homebrew/core/hello; the name if left out"),
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
