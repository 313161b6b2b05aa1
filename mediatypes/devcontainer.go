package mediatypes

// The types of Dev Containers. The config type alone tells them; layer and title tell features from templates.
const (
	DevContainer           = "application/vnd.devcontainers"
	DevContainerLayer      = "application/vnd.devcontainers.layer.v1+tar"
	DevContainerCollection = "application/vnd.devcontainers.collection.layer.v1+json"
)

// DevContainerMetadata is the manifest annotation that holds a feature's or template's own metadata file.
const DevContainerMetadata = "dev.containers.metadata"

// feature is a Dev Container Feature: a directory with devcontainer-feature.json and install.sh.
var feature = Kind{
	Name:    "feature",
	Summary: "a Dev Container Feature: a directory with devcontainer-feature.json and install.sh",
	Config:  Config{MediaType: DevContainer, Derive: "feature", Schema: noFields},
	Layers: []LayerType{{Role: "feature", MediaType: DevContainerLayer, Match: []string{"*/"}, Content: "feature", Packing: Tar,
		Prefix: "./", Untitled: true, Min: 1, Max: 1, Tells: true}},
	Clients: []string{"devcontainer", "VS Code"},
	Example: `kind: feature
layers: [greeting/]
`,
}

// template is a Dev Container Template.
var template = Kind{
	Name:    "template",
	Summary: "a Dev Container Template: a directory with devcontainer-template.json and a dev container",
	Config:  Config{MediaType: DevContainer, Derive: "template", Schema: noFields},
	Layers: []LayerType{{Role: "template", MediaType: DevContainerLayer, Match: []string{"*/"}, Content: "template", Packing: Tar,
		Prefix: "./", Untitled: true, Min: 1, Max: 1, Tells: true}},
	Clients: []string{"devcontainer", "VS Code"},
	Example: `kind: template
layers: [greeting-app/]
`,
}

// collection lists the features or templates of a namespace.
var collection = Kind{
	Name:    "collection",
	Summary: "the list of a namespace's Dev Container Features or Templates",
	Config:  Config{MediaType: DevContainer, Derive: "collection", Schema: noFields},
	Layers: []LayerType{
		{Role: "collection", MediaType: DevContainerCollection, Match: []string{"devcontainer-collection.json"}, Untitled: true, Min: 1, Max: 1, Tells: true},
		{Role: "collection", MediaType: DevContainerCollection, Match: []string{"*/"}, Content: "collection", Packing: Tar, Untitled: true, Min: 1, Max: 1, Tells: true},
		{Role: "collection", MediaType: DevContainerCollection, Match: []string{"*/"}, Packing: Tar, Untitled: true, Min: 1, Max: 1},
	},
	Clients: []string{"devcontainer", "VS Code"},
	Example: `kind: collection
layers: [src/]
`,
}
