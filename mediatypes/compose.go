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
