package skill

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

const (
	artifact       = "application/vnd.agentskills.skill.v1"
	configType     = "application/vnd.agentskills.skill.config.v1+json"
	annotationName = "io.agentskills.skill.name"
	content        = "application/vnd.agentskills.skill.content.v1.tar+gzip"
)

// data describes a skill: a directory with instructions for agents. Its config is the front matter of SKILL.md.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:     "skill",
		Summary:  "a skill for coding agents: a directory with a SKILL.md",
		Identity: mediatypes.Identity{ArtifactType: artifact},
		Config: mediatypes.Config{
			MediaType: configType, Derive: "front-matter", Defaults: map[string]any{"schemaVersion": "1"},
			Schema: schema(),
		},
		Layers:  []mediatypes.LayerType{directory(true), pages(), document()},
		Clients: []string{"skills-oci", "arconia"},
		Example: `kind: skill
version: 1.0.0
layers: [greeting/]
`,
	}
}

// schema returns the schema of the config.
func schema() map[string]any {
	fields := kind.ObjectField(map[string]any{
		"schemaVersion": kind.StringField("version of the config's format"),
		"name":          kind.StringField("name of the skill, as in SKILL.md, and of its directory"),
		"version":       kind.StringField("version of the skill; that of the artifact if left out"),
		"description":   kind.StringField("when to use the skill"),
		"license":       kind.StringField("an SPDX expression, or the name of a file"),
		"compatibility": kind.StringField("requirements of the skill"),
		"allowedTools":  kind.StringsField("allowed-tools in SKILL.md"),
		"metadata":      map[string]any{"type": "object", "description": "other fields"},
	})
	fields["description"] = "read from the front matter of SKILL.md, or set under config: in davit.yaml"
	return fields
}

// directory returns the layer type for a skill directory. If tells is set, a matching directory identifies the kind.
func directory(tells bool) mediatypes.LayerType {
	return mediatypes.LayerType{
		Role: "skill", MediaType: content, Match: []string{"*/"}, Content: "skill", Packing: mediatypes.TarGzip, Exclude: []string{"**/.git"},
		Form: mediatypes.Form{Untitled: true, Prefix: "{name}/"}, Min: 1, Max: 1, Tells: tells,
	}
}

// pages returns the layer type for a directory of pages, whose index becomes the SKILL.md. Such a directory need not be a skill,
// so davit.yaml must name the kind.
func pages() mediatypes.LayerType {
	l := directory(false)
	l.Content = "skill-pages"
	return l
}

// document returns the layer type for a page that becomes the SKILL.md of a skill without other files.
func document() mediatypes.LayerType {
	l := directory(false)
	l.Match, l.Content, l.Exclude = []string{"*.md", "*.markdown"}, "", nil
	return l
}
