package feature

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// data describes a Dev Container Feature: a directory with devcontainer-feature.json and install.sh.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "feature",
		Summary: "a Dev Container Feature: a directory with devcontainer-feature.json and install.sh",
		Config:  mediatypes.Config{MediaType: mediatypes.DevContainer, Derive: "feature", Schema: kind.NoFields()},
		Layers: []mediatypes.LayerType{{Role: "feature", MediaType: mediatypes.DevContainerLayer, Match: []string{"*/"}, Content: "feature", Packing: mediatypes.Tar,
			Form: mediatypes.Form{Prefix: "./", Untitled: true}, Min: 1, Max: 1, Tells: true}},
		Tagging: mediatypes.Tagging{NamedUse: "by its ID", Namespaced: true},
		Clients: []string{"devcontainer", "VS Code"},
		Example: `kind: feature
layers: [greeting/]
`,
	}
}
