package mediatypes

// The types of a Docker Compose application. ComposeConfig10 tells it where a registry knew no artifactType.
const (
	ComposeProject  = "application/vnd.docker.compose.project"
	ComposeFile     = "application/vnd.docker.compose.file+yaml"
	ComposeEnvFile  = "application/vnd.docker.compose.envfile"
	ComposeConfig10 = "application/vnd.docker.compose.config.empty.v1+json"
)

// The annotations of a compose application's layers: the names that its files have beside each other.
const (
	ComposeFileName    = "com.docker.compose.file"
	ComposeEnvFileName = "com.docker.compose.envfile"
	ComposeExtends     = "com.docker.compose.extends"
)

// compose is an application that docker compose runs from a registry.
var compose = Kind{
	Name:         "compose",
	Summary:      "a Docker Compose application: its compose files, what they extend, and listed env files",
	ArtifactType: ComposeProject,
	Types:        []string{ComposeConfig10},
	Config:       Config{Derive: "compose"},
	Layers: []LayerType{
		{Role: "compose", MediaType: ComposeFile, Match: []string{"*.yaml", "*.yml"}, Content: "compose",
			Claims: []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"}, Min: 1, Tells: true},
		{Role: "compose", MediaType: ComposeFile, Match: []string{"*.yaml", "*.yml"}, Min: 1},
		{Role: "env", MediaType: ComposeEnvFile, Match: []string{"*.env", ".env*"}},
	},
	Order:   ByRole,
	Clients: []string{"docker compose"},
	Example: `kind: compose
name: greeting
layers:
  - compose.yaml
  - web.env
`,
}
