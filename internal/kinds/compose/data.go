package compose

import "github.com/davit-oci/davit/mediatypes"

// data describes an application that docker compose runs from a registry.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "compose",
		Summary: "a Docker Compose application: its compose files, what they extend, and listed env files",
		Identity: mediatypes.Identity{
			ArtifactType: mediatypes.ComposeProject,
			Types:        []string{mediatypes.ComposeConfig10},
		},
		Config: mediatypes.Config{Derive: "compose"},
		Layers: []mediatypes.LayerType{
			{Role: "compose", MediaType: mediatypes.ComposeFile, Match: []string{"*.yaml", "*.yml"}, Content: "compose",
				Claims: []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"}, Min: 1, Tells: true},
			{Role: "compose", MediaType: mediatypes.ComposeFile, Match: []string{"*.yaml", "*.yml"}, Min: 1},
			{Role: "env", MediaType: mediatypes.ComposeEnvFile, Match: []string{"*.env", ".env*"}},
		},
		Order:   mediatypes.ByRole,
		Clients: []string{"docker compose"},
		Example: `kind: compose
name: greeting
layers:
  - compose.yaml
  - web.env
`,
	}
}
