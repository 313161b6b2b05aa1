package runbook

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// data describes a runbook, whose front matter becomes the config, or a folder of runbooks, whose config lists the pages and the
// alerts that each page answers.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:     "runbook",
		Summary:  "a runbook, or a folder of runbooks: Markdown, with the alerts that each page answers",
		Identity: mediatypes.Identity{ArtifactType: mediatypes.RunbookArtifact},
		Config:   mediatypes.Config{MediaType: mediatypes.RunbookConfig, Derive: "runbook", Schema: schema()},
		Layers: []mediatypes.LayerType{
			{Role: "runbooks", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars(), Match: []string{"*/"}, Content: "runbooks-of-alerts", Packing: mediatypes.TarGzip, Form: mediatypes.Form{Prefix: "{title}/"}, Tells: true},
			{Role: "runbooks", MediaType: mediatypes.LayerTarGzip, MediaTypes: kind.Tars(), Match: []string{"*/"}, Content: "runbooks", Packing: mediatypes.TarGzip, Form: mediatypes.Form{Prefix: "{title}/"}},
			{Role: "runbook", MediaType: "text/markdown", Match: []string{"*.md", "*.markdown", "*.mdx"}, Content: "runbook", Tells: true},
			{Role: "runbook", MediaType: "text/markdown", Match: []string{"*.md", "*.markdown", "*.mdx"}},
			{Role: "runbook", MediaType: "text/markdown"},
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

// examplePage shows the fields that matter during an incident.
const examplePage = `---
title: Disk full                 # else the first heading
alerts: [DiskFull, InodesFull]   # or one: alerts: DiskFull
severity: critical
service: storage
owner: team-storage
summary: A disk has less than 5 % left.
---
# Disk full
`

// alertName is the pattern of alert names. They contain no comma, which separates the names in the manifest's annotation.
const alertName = "^[^,\\s](?:[^,\\n]*[^,\\s])?$"

// schema returns the schema of a runbook's front matter, and of the config in davit.yaml.
func schema() map[string]any {
	name := map[string]any{"type": "string", "pattern": alertName}
	return map[string]any{
		"type":                 "object",
		"description":          "read from the front matter of a page, or set under config: in davit.yaml",
		"additionalProperties": false,
		"properties": map[string]any{
			"title":    map[string]any{"type": "string", "minLength": 1, "description": "title of the runbook; the first heading if left out"},
			"summary":  map[string]any{"type": "string", "description": "one or two sentences about the problem and how the runbook solves it"},
			"service":  map[string]any{"type": "string", "description": "service that the runbook is about"},
			"owner":    map[string]any{"type": "string", "description": "team or person to ask"},
			"severity": map[string]any{"type": "string", "description": "severity in the terms of your alerting, such as critical or sev1"},
			"alert":    map[string]any{"type": "string", "pattern": alertName, "description": "alert that the runbook answers, if there is exactly one"},
			"alerts": map[string]any{
				"type": "array", "uniqueItems": true, "items": name,
				"description": "alerts that the runbook answers; if left out, the name of the file (DiskFull.md) if the page has this title or none, or headings that name alerts",
			},
			"steps": map[string]any{
				"type": "array", "description": "steps, in order; taken from the headings if left out",
				"items": map[string]any{"type": "string", "minLength": 1},
			},
		},
	}
}
