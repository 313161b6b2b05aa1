package template

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// data describes a Dev Container Template.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "template",
		Summary: "a Dev Container Template: a directory with devcontainer-template.json and a dev container",
		Config:  mediatypes.Config{MediaType: mediatypes.DevContainer, Derive: "template", Schema: kind.NoFields()},
		Layers: []mediatypes.LayerType{{Role: "template", MediaType: mediatypes.DevContainerLayer, Match: []string{"*/"}, Content: "template", Packing: mediatypes.Tar,
			Form: mediatypes.Form{Prefix: "./", Untitled: true}, Min: 1, Max: 1, Tells: true}},
		Tagging: mediatypes.Tagging{NamedUse: "by its ID", Namespaced: true},
		Clients: []string{"devcontainer", "VS Code"},
		Example: `kind: template
layers: [greeting-app/]
`,
	}
}
