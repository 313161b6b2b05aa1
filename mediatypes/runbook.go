package mediatypes

// The types of a runbook artifact. The field has no convention for it; these are davit's own.
const (
	RunbookArtifact = "application/vnd.davit.runbook.v1"
	RunbookConfig   = "application/vnd.davit.runbook.config.v1+json"
)

// The manifest annotations that repeat parts of a runbook's config, so that a listing of referrers answers which
// runbook belongs to an alert without fetching anything. RunbookAlerts is a list with commas between its items.
const (
	RunbookAlerts   = "dev.davit.runbook.alerts"
	RunbookSeverity = "dev.davit.runbook.severity"
	RunbookService  = "dev.davit.runbook.service"
)

// runbook is a runbook: Markdown with YAML front matter, which becomes the config.
var runbook = Kind{
	Name:         "runbook",
	Summary:      "a runbook: Markdown whose front matter says which alerts of which service it answers",
	ArtifactType: RunbookArtifact,
	Config:       Config{MediaType: RunbookConfig, Derive: "runbook", Schema: runbookSchema},
	Layers: []LayerType{
		{Role: "runbook", MediaType: "text/markdown", Match: []string{"*.md", "*.markdown"}, Content: "runbook", Min: 1, Max: 1, Tells: true},
		{Role: "runbook", MediaType: "text/markdown", Min: 1, Max: 1},
		{Role: "attachment", MediaType: LayerTarGzip, MediaTypes: ociTars, Match: []string{"*/"}, Packing: TarGzip, Prefix: "{title}/"},
		{Role: "attachment", MediaType: octetStream, Match: []string{"*"}},
	},
	Attached: true,
	Clients:  []string{"oras", "podman artifact"},
	Example: `kind: runbook
name: greeting-down
layers: [greeting-down.md]
`,
}

// runbookSchema is the schema of a runbook's front matter, and of its config.
var runbookSchema = map[string]any{
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
