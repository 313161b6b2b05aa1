package manifest

import (
	"encoding/json"
	"strings"

	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// MediaTypeArtifact is the media type of a manifest in release candidates of image-spec 1.1. Registries still store such manifests.
const MediaTypeArtifact = "application/vnd.oci.artifact.manifest.v1+json"

// Is reports whether a media type is that of a manifest or an index, which registries store apart from blobs. Inlined, it would add 8 KB to
// the program.
//
//go:noinline
func Is(mediaType string) bool {
	switch mediaType {
	case ocispec.MediaTypeImageManifest, mediatypes.DockerManifest, MediaTypeArtifact:
		return true
	}
	return IsIndex(mediaType)
}

// IsIndex reports whether a media type is that of an index. Inlined, it would add 25 KB to the program.
//
//go:noinline
func IsIndex(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageIndex || mediaType == mediatypes.DockerIndex
}

// IsNondistributable reports whether a media type is that of a layer that registries need not store, because clients fetch it from
// the URLs in its descriptor. Old Windows images have such base layers.
func IsNondistributable(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.oci.image.layer.nondistributable.v1.tar") ||
		mediaType == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
}

// Annotations with which BuildKit marks an entry of an index as an attestation of another entry.
const (
	AnnotationReferenceType   = "vnd.docker.reference.type"
	AnnotationReferenceDigest = "vnd.docker.reference.digest"
)

// IsAttestation reports whether an entry of an index is a BuildKit attestation of another entry, not a manifest for a
// platform.
func IsAttestation(entry ocispec.Descriptor) bool {
	return entry.Annotations[AnnotationReferenceType] != "" ||
		entry.Platform != nil && entry.Platform.OS == "unknown" && entry.Platform.Architecture == "unknown"
}

// AttestationsOf returns the entries of an index that are BuildKit attestations of the manifest with digest of.
func AttestationsOf(entries []ocispec.Descriptor, of digest.Digest) []ocispec.Descriptor {
	var found []ocispec.Descriptor
	for _, e := range entries {
		if IsAttestation(e) && Is(e.MediaType) && e.Annotations[AnnotationReferenceDigest] == of.String() {
			found = append(found, e)
		}
	}
	return found
}

// TypeOf returns the media type of a manifest: its mediaType or, if that is empty, the type that its fields suggest.
func TypeOf(data []byte) string {
	var body struct {
		MediaType string          `json:"mediaType"`
		Manifests json.RawMessage `json:"manifests"`
	}
	if json.Unmarshal(data, &body) == nil && body.MediaType != "" {
		return body.MediaType
	}
	if body.Manifests != nil {
		return ocispec.MediaTypeImageIndex
	}
	return ocispec.MediaTypeImageManifest
}
