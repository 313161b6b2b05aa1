package mediatypes

// Media types that belong to no single kind.
const (
	// OCIManifest, OCIIndex, ImageConfig, and EmptyJSON are those of image-spec 1.1.
	OCIManifest = "application/vnd.oci.image.manifest.v1+json"
	OCIIndex    = "application/vnd.oci.image.index.v1+json"
	ImageConfig = "application/vnd.oci.image.config.v1+json"
	EmptyJSON   = "application/vnd.oci.empty.v1+json"

	// DockerManifest, DockerIndex, and DockerConfig are their predecessors, which registries still hold.
	DockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	DockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
	DockerConfig   = "application/vnd.docker.container.image.v1+json"

	// LayerTar, LayerTarGzip, and LayerTarZstd are tar layers that every OCI client can unpack.
	LayerTar     = "application/vnd.oci.image.layer.v1.tar"
	LayerTarGzip = "application/vnd.oci.image.layer.v1.tar+gzip"
	LayerTarZstd = "application/vnd.oci.image.layer.v1.tar+zstd"

	// UnknownArtifact and UnknownConfig are the types that oras writes if the user sets none.
	UnknownArtifact = "application/vnd.unknown.artifact.v1"
	UnknownConfig   = "application/vnd.unknown.config.v1+json"

	OctetStream = "application/octet-stream"
)

// IsImageConfig reports whether a media type is that of the config of container images, which does not identify a kind.
func IsImageConfig(configType string) bool {
	return configType == ImageConfig || configType == DockerConfig
}
