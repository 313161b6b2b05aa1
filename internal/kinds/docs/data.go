package docs

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// data describes documentation: a folder of pages as one layer, single pages as separate layers.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:     "docs",
		Summary:  "documentation: a folder of pages in Markdown, HTML, reStructuredText, or AsciiDoc",
		Identity: mediatypes.Identity{ArtifactType: mediatypes.DocsArtifact},
		Config: mediatypes.Config{
			MediaType: mediatypes.DocsConfig,
			Derive:    "docs",
			Schema: map[string]any{
				"type":                 "object",
				"additionalProperties": false,
				"properties": map[string]any{
					"title": map[string]any{"type": "string", "minLength": 1, "description": "title of the documentation"},
					"index": map[string]any{"type": "string", "minLength": 1, "description": "first page, by its path after a pull"},
				},
			},
		},
		Layers: []mediatypes.LayerType{
			{Role: "pages", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars(), Match: []string{"*/"}, Content: "docs", Packing: mediatypes.TarGzip, Form: mediatypes.Form{Prefix: "{title}/"}, Tells: true},
			{Role: "pages", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars(), Match: []string{"*/"}, Packing: mediatypes.TarGzip, Form: mediatypes.Form{Prefix: "{title}/"}},
			{Role: "page", MediaType: "text/markdown", Match: []string{"*.md", "*.markdown", "*.mdx"}},
			{Role: "page", MediaType: "text/html", Match: []string{"*.html", "*.htm"}},
			{Role: "page", MediaType: "text/plain", Match: []string{"*.txt", "*.rst", "*.adoc", "*.asciidoc"}},
			{Role: "page", MediaType: "application/pdf", Match: []string{"*.pdf"}},
			{Role: "asset", MediaType: mediatypes.OctetStream, Match: []string{"*.png", "*.svg", "*.jpg", "*.jpeg", "*.gif", "*.webp", "*.css", "*.js"}},
		},
		Attached: true,
		Clients:  []string{"oras", "podman artifact"},
		Example: `kind: docs
name: greeting-manual
version: 1.0.0
layers: [manual/]
`,
	}
}
