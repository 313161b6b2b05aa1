package registry

import (
	"context"

	"github.com/davit-oci/davit/internal/fetch"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
)

// Referrers returns the manifests with the given subject and artifact type, or with any type if that is empty. It uses the
// referrers API, the tag schema, or the graph of a layout, whichever the target has. A subject that does not exist has no
// referrers. Referrers fails with artifact.ErrRefused if there are more than 10,000, or a descriptor is malformed.
func Referrers(ctx context.Context, src content.ReadOnlyGraphStorage, subject ocispec.Descriptor, artifactType string) (
	[]ocispec.Descriptor, error) {
	return fetch.ListReferrers(ctx, src, subject, artifactType)
}

// CosignManifest is a signature, an attestation, or an SBOM that cosign keeps under a tag made of the digest of its subject.
type CosignManifest = fetch.CosignManifest

// CosignManifests returns the manifests that cosign keeps for a manifest under the tags sha256-….sig, .att, and .sbom. They
// have no subject, so Referrers does not list them. It takes three requests. A tag that does not exist is not an error; the
// errors are those of src.
func CosignManifests(ctx context.Context, src oras.ReadOnlyTarget, subject ocispec.Descriptor) ([]CosignManifest, error) {
	return fetch.CosignManifests(ctx, src, subject)
}
