package fetch

import (
	"context"
	"errors"
	"fmt"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/concurrency"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// MaxNesting limits the depth of indexes within indexes.
const MaxNesting = 4

// Choose follows an index to the manifest for a platform. It returns a collection itself, with the layers of all its members, and fails with
// artifact.ErrInvalid if want is set for a collection.
func Choose(ctx context.Context, src content.Fetcher, m *Manifest, want *ocispec.Platform) (*Manifest, *ocispec.Platform, error) {
	var platform *ocispec.Platform
	for range MaxNesting {
		switch {
		case !m.IsIndex():
			return m, platform, nil
		case m.Kind().Shape == mediatypes.Collection && want != nil:
			return nil, nil, &artifact.Error{Op: "choosing the platform of", Item: m.Desc.Digest.String(), Hint: "leave out --platform",
				Err: fmt.Errorf("an artifact of kind %q has none: %w", m.Kind().Name, artifact.ErrInvalid)}
		case m.Kind().Shape == mediatypes.Collection:
			m, err := collect(ctx, src, m)
			return m, nil, err
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

// Limits of the members of a collection. All members are read to find a file, since each may have any file.
const (
	maxMembers     = 1000
	maxMemberBytes = 32 << 20 // of their manifests
)

// collect returns a collection with the layers of its members, in their order.
func collect(ctx context.Context, src content.Fetcher, m *Manifest) (*Manifest, error) {
	if len(m.Manifests) > maxMembers {
		return nil, artifact.Refused(m.Desc.Digest.String(), "a collection of %d artifacts: the limit is %d", len(m.Manifests), maxMembers)
	}
	whole, none := *m, ocispec.DescriptorEmptyJSON
	whole.Layers, whole.Config = nil, &none // callers rely on a config
	size := int64(0)
	for _, entry := range m.Manifests {
		if size += max(0, entry.Size); size > maxMemberBytes {
			return nil, artifact.Refused(m.Desc.Digest.String(), "the manifests of a collection have more than %d bytes", maxMemberBytes)
		}
	}
	members := make([]*Manifest, len(m.Manifests))
	err := concurrency.Each(ctx, len(members), func(ctx context.Context, i int) (err error) {
		members[i], err = Load(ctx, src, m.Manifests[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, member := range members {
		if member.IsIndex() {
			return nil, artifact.Refused(m.Desc.Digest.String(), "%s in a collection is an index", member.Desc.Digest)
		}
		whole.Layers = append(whole.Layers, member.Layers...)
	}
	return &whole, nil
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
