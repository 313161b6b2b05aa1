// Package agent implements the kind for Docker agents.
package agent

import (
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

const config = "application/vnd.docker.agent.config.v1+json"

// Kind returns the kind of Docker agents. An agent is a YAML file like any other, so the kind must be named. "docker agent"
// refuses an artifact without the version annotation.
func Kind() kind.Kind {
	return kind.Kind{
		Kind: mediatypes.Kind{
			Name:     "agent",
			Summary:  "the YAML file that docker agent run takes",
			Identity: mediatypes.Identity{ArtifactType: config},
			Config:   mediatypes.Config{MediaType: config, Schema: kind.NoFields()},
			Layers: []mediatypes.LayerType{{
				Role: "agent", MediaType: "application/yaml", Match: []string{"*.yaml", "*.yml"}, Min: 1, Max: 1, Form: mediatypes.Form{Untitled: true},
			}},
			Annotations: map[string]string{"io.docker.agent.version": "1.32.3", "io.docker.cagent.version": "1.32.3"},
			Clients:     []string{"docker agent"},
			Example: `kind: agent
version: 1.0.0
layers: [greeting.yaml]
`,
		},
		Pull: kind.Pull{
			Readings: map[string]kind.Reading{"agent": kind.Itself},
			NameAll:  kind.NameOnly("agent.yaml"),
		},
	}
}
