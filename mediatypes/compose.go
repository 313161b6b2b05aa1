package mediatypes

// The types of a Docker Compose application. ComposeConfig10 identifies it on a registry that does not support artifactType.
const (
	ComposeProject  = "application/vnd.docker.compose.project"
	ComposeFile     = "application/vnd.docker.compose.file+yaml"
	ComposeEnvFile  = "application/vnd.docker.compose.envfile"
	ComposeConfig10 = "application/vnd.docker.compose.config.empty.v1+json"
)

// The annotations of a compose application's layers: the names of its files in their directory.
const (
	ComposeFileName    = "com.docker.compose.file"
	ComposeEnvFileName = "com.docker.compose.envfile"
	ComposeExtends     = "com.docker.compose.extends"
)
