package pull

import (
	"context"
	"errors"

	"github.com/davit-oci/davit/artifact"
	oci "github.com/davit-oci/davit/internal/manifest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// maxNesting bounds indexes within indexes.
const maxNesting = 4

// choose follows an index to the manifest of a platform.
func choose(ctx context.Context, src content.Fetcher, m *manifest, want *ocispec.Platform) (
	*manifest, *ocispec.Platform, error) {
	var platform *ocispec.Platform
	for range maxNesting {
		if !m.isIndex() {
			return m, platform, nil
		}
		entry, err := entryFor(m, want)
		if err != nil {
			return nil, nil, err
		}
		if entry.Platform != nil {
			platform = entry.Platform
		}
		if m, err = load(ctx, src, entry); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, artifact.Refused(m.desc.Digest.String(), "indexes are nested deeper than %d", maxNesting)
}

// entryFor is the index entry of the platform. A single entry without a platform fits all.
func entryFor(m *manifest, want *ocispec.Platform) (ocispec.Descriptor, error) {
	entry, err := oci.Select(m.Manifests, want)
	var missing *oci.PlatformError
	if errors.As(err, &missing) {
		missing.Index = m.desc.Digest
	}
	return entry, err
}

// PlatformError reports that an index has no manifest for a platform. It is an errdef.ErrNotFound.
type PlatformError = oci.PlatformError
