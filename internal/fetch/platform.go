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

// MaxNesting limits the nesting of indexes.
const MaxNesting = 4

// Choose follows an index to the manifest for a platform. It also returns the platform in the index, or nil. A collection is
// returned itself, with the layers of all its members; if want is set for it, Choose fails with artifact.ErrInvalid.
func Choose(ctx context.Context, src content.Fetcher, m *Manifest, want *ocispec.Platform) (*Manifest, *ocispec.Platform, error) {
	var platform *ocispec.Platform
	for range MaxNesting {
		switch {
		case !m.IsIndex():
			return m, platform, nil
		case m.Kind().Shape == mediatypes.Collection && want != nil:
			return nil, nil, &artifact.Error{Op: "choosing the platform of", Item: m.Desc.Digest.String(), Hint: "leave out --platform",
				Err: fmt.Errorf("an artifact of kind %q has no platforms: %w", m.Kind().Name, artifact.ErrInvalid)}
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

// Limits of the members of a collection. A pull of one file needs all of them, because any member may have it.
const (
	maxMembers     = 1000
	maxMemberBytes = 32 << 20 // size of all their manifests
)

// collect returns a collection with the layers of its members, in their order.
func collect(ctx context.Context, src content.Fetcher, m *Manifest) (*Manifest, error) {
	if len(m.Manifests) > maxMembers {
		return nil, artifact.Refused(m.Desc.Digest.String(), "too many artifacts in the collection: limit is %d", maxMembers)
	}
	merged, none := *m, ocispec.DescriptorEmptyJSON
	merged.Layers, merged.Config = nil, &none // readers of manifests require a config
	size := int64(0)
	for _, entry := range m.Manifests {
		if size += max(0, entry.Size); size > maxMemberBytes {
			return nil, artifact.Refused(m.Desc.Digest.String(), "manifests of the collection too large: limit is %d MiB in total", maxMemberBytes>>20)
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
			return nil, artifact.Refused(m.Desc.Digest.String(), "member %s of the collection is an index", member.Desc.Digest)
		}
		merged.Layers = append(merged.Layers, member.Layers...)
	}
	return &merged, nil
}

// EntryFor returns the index entry for the platform. A single entry without a platform matches every platform.
func EntryFor(m *Manifest, want *ocispec.Platform) (ocispec.Descriptor, error) {
	entry, err := oci.Select(m.Manifests, want)
	var missing *oci.PlatformError
	if errors.As(err, &missing) {
		missing.Index = m.Desc.Digest
	}
	return entry, err
}

// PlatformError means that an index has no manifest for a platform. It matches errdef.ErrNotFound.
type PlatformError = oci.PlatformError
