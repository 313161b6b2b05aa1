package fetch

import (
	"context"
	"errors"

	"github.com/davit-oci/davit/artifact"
	oci "github.com/davit-oci/davit/internal/manifest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// MaxNesting bounds indexes within indexes.
const MaxNesting = 4

// Choose follows an index to the manifest for a platform.
func Choose(ctx context.Context, src content.Fetcher, m *Manifest, want *ocispec.Platform) (
	*Manifest, *ocispec.Platform, error) {
	var platform *ocispec.Platform
	for range MaxNesting {
		if !m.IsIndex() {
			return m, platform, nil
		}
		entry, err := EntryFor(m, want)
		if err != nil {
			return nil, nil, err
		}
		if entry.Platform != nil {
			platform = entry.Platform
		}
		if m, err = Load(ctx, src, entry); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, artifact.Refused(m.Desc.Digest.String(), "indexes are nested deeper than %d", MaxNesting)
}

// EntryFor returns the index entry for the platform. A single entry without a platform matches all.
func EntryFor(m *Manifest, want *ocispec.Platform) (ocispec.Descriptor, error) {
	entry, err := oci.Select(m.Manifests, want)
	var missing *oci.PlatformError
	if errors.As(err, &missing) {
		missing.Index = m.Desc.Digest
	}
	return entry, err
}

// PlatformError reports that an index has no manifest for a platform. It is an errdef.ErrNotFound.
type PlatformError = oci.PlatformError
