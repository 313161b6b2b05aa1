package runbook

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// data is a runbook: Markdown with YAML front matter, which becomes the config.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:     "runbook",
		Summary:  "a runbook: Markdown whose front matter says which alerts of which service it answers",
		Identity: mediatypes.Identity{ArtifactType: mediatypes.RunbookArtifact},
		Config:   mediatypes.Config{MediaType: mediatypes.RunbookConfig, Derive: "runbook", Schema: schema()},
		Layers: []mediatypes.LayerType{
			{Role: "runbook", MediaType: "text/markdown", Match: []string{"*.md", "*.markdown"}, Content: "runbook", Min: 1, Max: 1, Tells: true},
			{Role: "runbook", MediaType: "text/markdown", Min: 1, Max: 1},
			{Role: "attachment", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars(), Match: []string{"*/"}, Packing: mediatypes.TarGzip, Form: mediatypes.Form{Prefix: "{title}/"}},
			{Role: "attachment", MediaType: mediatypes.OctetStream, Match: []string{"*"}},
		},
		Attached: true,
		Clients:  []string{"oras", "podman artifact"},
		Example: `kind: runbook
name: greeting-down
layers: [greeting-down.md]
`,
	}
}

// schema is the schema of a runbook's front matter, and of its config.
func schema() map[string]any {
	return map[string]any{
		"type":                 "object",
		"additionalProperties": false,
		"properties": map[string]any{
			"title":    map[string]any{"type": "string", "minLength": 1, "description": "what the runbook is called; the first heading when left out"},
			"summary":  map[string]any{"type": "string", "description": "what happened and what this runbook does about it"},
			"service":  map[string]any{"type": "string", "description": "the service it is about"},
			"owner":    map[string]any{"type": "string", "description": "the team or person to ask"},
			"severity": map[string]any{"type": "string", "description": "how bad it is, in the words of your alerting: critical, sev1"},
			"alerts": map[string]any{
				"type": "array", "uniqueItems": true, "description": "the alerts it answers",
				"items": map[string]any{"type": "string", "pattern": "^[^,\\s](?:[^,\\n]*[^,\\s])?$"},
			},
			"steps": map[string]any{
				"type": "array", "description": "what to do, in order; taken from the headings when left out",
				"items": map[string]any{"type": "string", "minLength": 1},
			},
		},
	}
}
