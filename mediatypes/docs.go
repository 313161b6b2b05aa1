package mediatypes

// The types of a documentation artifact. The field has no convention for it; these are davit's own.
const (
	DocsArtifact = "application/vnd.davit.docs.v1"
	DocsConfig   = "application/vnd.davit.docs.config.v1+json"
)

// docs is documentation: a folder of pages as one layer, single pages as layers of their own.
var docs = Kind{
	Name:         "docs",
	Summary:      "documentation: a folder of Markdown or HTML pages",
	ArtifactType: DocsArtifact,
	Config: Config{
		MediaType: DocsConfig,
		Derive:    "docs",
		Schema: map[string]any{
			"type":                 "object",
			"additionalProperties": false,
			"properties": map[string]any{
				"title": map[string]any{"type": "string", "minLength": 1, "description": "what the documentation is called"},
				"index": map[string]any{"type": "string", "minLength": 1, "description": "the page to begin with, as it is named after a pull"},
			},
		},
	},
	Layers: []LayerType{
		{Role: "pages", MediaType: LayerTarGzip, MediaTypes: ociTars, Match: []string{"*/"}, Content: "docs", Packing: TarGzip, Prefix: "{title}/", Tells: true},
		{Role: "pages", MediaType: LayerTarGzip, MediaTypes: ociTars, Match: []string{"*/"}, Packing: TarGzip, Prefix: "{title}/"},
		{Role: "page", MediaType: "text/markdown", Match: []string{"*.md", "*.markdown"}},
		{Role: "page", MediaType: "text/html", Match: []string{"*.html", "*.htm"}},
		{Role: "page", MediaType: "text/plain", Match: []string{"*.txt", "*.rst", "*.adoc"}},
		{Role: "page", MediaType: "application/pdf", Match: []string{"*.pdf"}},
		{Role: "asset", MediaType: octetStream, Match: []string{"*.png", "*.svg", "*.jpg", "*.jpeg", "*.gif", "*.webp", "*.css", "*.js"}},
	},
	Attached: true,
	Clients:  []string{"oras", "podman artifact"},
	Example: `kind: docs
name: greeting-manual
version: 1.0.0
layers: [manual/]
`,
}
