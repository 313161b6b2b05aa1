package manifest

import (
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
)

// ReferrersTag returns the tag under which registries without the referrers API keep the referrers of a manifest
// (distribution specification, "Referrers Tag Schema").
func ReferrersTag(d digest.Digest) string {
	return d.Algorithm().String() + "-" + d.Encoded()
}

// IsReferrersTag reports whether a tag is one of the referrers tag schema.
func IsReferrersTag(tag string) bool {
	algorithm, hex, ok := strings.Cut(tag, "-")
	return ok && digest.NewDigestFromEncoded(digest.Algorithm(algorithm), hex).Validate() == nil
}

// cosignSuffixes are the suffixes that cosign appends to the digest of a manifest to tag its signatures, attestations,
// and SBOMs.
var cosignSuffixes = []string{"sig", "att", "sbom"}

// CosignTags returns the tags under which cosign keeps its manifests for a manifest: sha256-….sig and others.
func CosignTags(d digest.Digest) []string {
	tags := make([]string, len(cosignSuffixes))
	for i, suffix := range cosignSuffixes {
		tags[i] = ReferrersTag(d) + "." + suffix
	}
	return tags
}

// SignatureTag returns the tag under which cosign 2 keeps the signatures of a manifest: sha256-….sig.
func SignatureTag(d digest.Digest) string { return ReferrersTag(d) + ".sig" }

// IsMachineTag reports whether a client made a tag to find a manifest, not a person to name it.
func IsMachineTag(tag string) bool { return IsReferrersTag(tag) || IsCosignTag(tag) }

// IsCosignTag reports whether a tag is one of CosignTags.
func IsCosignTag(tag string) bool {
	name, suffix, _ := strings.Cut(tag, ".")
	return IsReferrersTag(name) && slices.Contains(cosignSuffixes, suffix)
}
