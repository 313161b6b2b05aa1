package mediatypes

// The types of Dev Containers. Only the config type identifies them; layer and title distinguish features from templates.
const (
	DevContainer           = "application/vnd.devcontainers"
	DevContainerLayer      = "application/vnd.devcontainers.layer.v1+tar"
	DevContainerCollection = "application/vnd.devcontainers.collection.layer.v1+json"
)

// DevContainerMetadata is the manifest annotation that holds a feature's or template's own metadata file.
const DevContainerMetadata = "dev.containers.metadata"
