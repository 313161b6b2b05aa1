package devcontainer

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// feature is a Dev Container Feature: a directory with devcontainer-feature.json and install.sh.
func feature() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "feature",
		Summary: "a Dev Container Feature: a directory with devcontainer-feature.json and install.sh",
		Config:  mediatypes.Config{MediaType: mediatypes.DevContainer, Derive: "feature", Schema: kind.NoFields},
		Layers: []mediatypes.LayerType{{Role: "feature", MediaType: mediatypes.DevContainerLayer, Match: []string{"*/"}, Content: "feature", Packing: mediatypes.Tar,
			Prefix: "./", Untitled: true, Min: 1, Max: 1, Tells: true}},
		Clients: []string{"devcontainer", "VS Code"},
		Example: `kind: feature
layers: [greeting/]
`,
	}
}

// template is a Dev Container Template.
func template() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "template",
		Summary: "a Dev Container Template: a directory with devcontainer-template.json and a dev container",
		Config:  mediatypes.Config{MediaType: mediatypes.DevContainer, Derive: "template", Schema: kind.NoFields},
		Layers: []mediatypes.LayerType{{Role: "template", MediaType: mediatypes.DevContainerLayer, Match: []string{"*/"}, Content: "template", Packing: mediatypes.Tar,
			Prefix: "./", Untitled: true, Min: 1, Max: 1, Tells: true}},
		Clients: []string{"devcontainer", "VS Code"},
		Example: `kind: template
layers: [greeting-app/]
`,
	}
}

// collection lists the features or templates of a namespace.
func collection() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "collection",
		Summary: "the list of a namespace's Dev Container Features or Templates",
		Config:  mediatypes.Config{MediaType: mediatypes.DevContainer, Derive: "collection", Schema: kind.NoFields},
		Layers: []mediatypes.LayerType{
			{Role: "collection", MediaType: mediatypes.DevContainerCollection, Match: []string{"devcontainer-collection.json"}, Untitled: true, Min: 1, Max: 1, Tells: true},
			{Role: "collection", MediaType: mediatypes.DevContainerCollection, Match: []string{"*/"}, Content: "collection", Packing: mediatypes.Tar, Untitled: true, Min: 1, Max: 1, Tells: true},
			{Role: "collection", MediaType: mediatypes.DevContainerCollection, Match: []string{"*/"}, Packing: mediatypes.Tar, Untitled: true, Min: 1, Max: 1},
		},
		Clients: []string{"devcontainer", "VS Code"},
		Example: `kind: collection
layers: [src/]
`,
	}
}
