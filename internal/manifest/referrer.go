package manifest

import (
	"encoding/json"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ReferrerEntry returns a manifest's entry in a list of referrers, and the digest of its subject, or "" if it has no valid subject. data
// is the content of the manifest. If data can't be decoded, the entry is desc.
func ReferrerEntry(desc ocispec.Descriptor, data []byte) (ocispec.Descriptor, digest.Digest) {
	var m struct {
		ArtifactType string              `json:"artifactType"`
		Config       *ocispec.Descriptor `json:"config"`
		Subject      *ocispec.Descriptor `json:"subject"`
		Annotations  map[string]string   `json:"annotations"`
	}
	if json.Unmarshal(data, &m) != nil {
		return desc, ""
	}
	entry := ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size,
		ArtifactType: m.ArtifactType, Annotations: m.Annotations}
	if entry.ArtifactType == "" && m.Config != nil {
		entry.ArtifactType = m.Config.MediaType
	}
	if m.Subject == nil || m.Subject.Digest.Validate() != nil {
		return entry, ""
	}
	return entry, m.Subject.Digest
}
