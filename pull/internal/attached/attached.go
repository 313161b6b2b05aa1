// Package attached finds the referrers that a pull places beside an artifact.
package attached

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
)

// Dir is the directory in the destination for the referrers of an artifact.
const Dir = "referrers"

// Each calls pull for the referrers of a manifest, for those of the index it was chosen from, and for the attestations for it in that index,
// once for each, with the name of a directory in Dir. root is the index, or else the manifest itself. Each returns the referrers that the
// source lists but does not have.
func Each(ctx context.Context, src oras.ReadOnlyTarget, root, chosen ocispec.Descriptor, pull func(m *fetch.Manifest, dir string) error) (
	gone []ocispec.Descriptor, err error,
) {
	graph, ok := src.(oras.ReadOnlyGraphTarget)
	if !ok {
		return nil, fmt.Errorf("listing referrers: %w", errdef.ErrUnsupported)
	}
	found, err := referrers.List(ctx, graph, chosen, referrers.Options{Tags: true})
	if err != nil {
		return nil, err
	}
	if root.Digest != chosen.Digest {
		more, err := listInIndex(ctx, graph, root, chosen)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	seen := make(map[digest.Digest]bool)
	for _, r := range found {
		if seen[r.Digest] {
			continue
		}
		seen[r.Digest] = true
		m, err := fetch.Load(ctx, src, r.Descriptor())
		if errors.Is(err, errdef.ErrNotFound) {
			gone = append(gone, r.Descriptor())
			continue
		}
		if err == nil {
			err = pull(m, path.Join(Dir, r.Kind+"-"+r.Digest.Encoded()[:12]))
		}
		if err != nil {
			return nil, &artifact.Error{Op: "pulling referrer", Item: r.Digest.String(), Err: err}
		}
	}
	return gone, nil
}

// listInIndex lists the referrers of the index, and its attestations for the chosen manifest.
func listInIndex(ctx context.Context, src oras.ReadOnlyGraphTarget, root, chosen ocispec.Descriptor) ([]*referrers.Referrer, error) {
	index, err := fetch.Load(ctx, src, root)
	if err != nil {
		return nil, err
	}
	found, err := referrers.List(ctx, src, index.Desc, referrers.Options{})
	if err != nil {
		return nil, err
	}
	attestation, _ := kinds.Recognize(mediatypes.Traits{ArtifactType: mediatypes.BuildKitAttestation})
	for _, e := range index.Manifests {
		if manifest.IsAttestation(e) && e.Annotations[manifest.AnnotationReferenceDigest] == chosen.Digest.String() {
			found = append(found, &referrers.Referrer{
				Digest: e.Digest, MediaType: e.MediaType, ArtifactType: e.ArtifactType, Size: e.Size, Kind: attestation.Name,
			})
		}
	}
	return found, nil
}
