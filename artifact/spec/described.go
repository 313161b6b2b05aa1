package spec

import (
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Described holds the fields that all results about an artifact begin with. Scripts read its JSON.
type Described struct {
	Reference    string        `json:"reference,omitempty"` // set by the caller, which knows the name of the source or target
	Digest       digest.Digest `json:"digest"`              // of the manifest or index
	MediaType    string        `json:"mediaType"`
	ArtifactType string        `json:"artifactType,omitempty"`
	Size         int64         `json:"size"` // of the manifest or index
}

// Descriptor returns the descriptor of the manifest or index.
func (d Described) Descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: d.MediaType, ArtifactType: d.ArtifactType, Digest: d.Digest, Size: d.Size}
}

// Describe describes the manifest or index of a descriptor.
func Describe(desc ocispec.Descriptor) Described {
	return Described{Digest: desc.Digest, MediaType: desc.MediaType, ArtifactType: desc.ArtifactType, Size: desc.Size}
}
