package pack

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack/internal/entry"
	"github.com/davit-oci/davit/pack/internal/node"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
)

// Member is a manifest of a future index. It already exists at the index's target.
type Member struct {
	Descriptor ocispec.Descriptor
	Platform   *ocispec.Platform // if nil, that of the descriptor, or else that of the image config
}

// IndexOptions configure an index. The zero value pushes it without a tag.
type IndexOptions struct {
	ArtifactType string            // if empty, the type that all manifests share, if any
	Annotations  map[string]string // of the index
	Created      time.Time         // written as org.opencontainers.image.created, unless zero
	Subject      *ocispec.Descriptor
	Tags         []string                                                  // moved to the index at the end
	BeforeTag    func(ctx context.Context, index ocispec.Descriptor) error // see PushOptions
	Progress     artifact.Progress                                         // receives every step, unless nil
}

// Index puts separately pushed manifests under one index, in the order given. A member that is an index itself contributes
// its manifests and their BuildKit attestations. Index fails with artifact.ErrInvalid if there are no manifests, if one is
// given twice, or, unless the artifactType is that of a collection, if two have the same platform, because a client could not
// choose between them. Other errors are those of dst and of opts.BeforeTag.
func Index(ctx context.Context, dst oras.Target, members []Member, opts IndexOptions) (*Result, error) {
	kind, _ := kinds.KindOfIndex(ocispec.Index{ArtifactType: opts.ArtifactType, Annotations: opts.Annotations})
	entries, warnings, err := newEntries(ctx, dst, members, kind.Shape == mediatypes.Collection)
	if err != nil {
		return nil, err
	}
	plan := &artifact.Plan{ArtifactType: opts.ArtifactType, Annotations: opts.Annotations}
	plan.Warnings = warnings
	if plan.ArtifactType == "" {
		plan.ArtifactType = commonType(entries)
	}
	if plan.Kind, err = indexKind(ctx, dst, plan, entries); err != nil {
		return nil, err
	}
	common := Options{Created: opts.Created, Progress: opts.Progress}
	root := &node.Node{Plan: plan, Created: opts.Created, Subject: opts.Subject}
	if root.Manifest, err = root.NewIndex(entries); err != nil {
		return nil, err
	}
	p := &pusher{dst: dst, opts: common, tags: lists.Unique(opts.Tags), hooks: hooks{tag: opts.BeforeTag}}
	tagged, err := p.resolveFirstTag(ctx)
	if err != nil {
		return nil, err
	}
	p.first = tagged
	complete, err := p.isComplete(ctx, root, tagged)
	switch {
	case err == nil && complete:
		err = p.callBeforeTag(ctx, root.Manifest)
	case err == nil:
		err = p.pushManifests(ctx, root, tagged)
	}
	if err != nil {
		return nil, err
	}
	r := newResult(root)
	r.Manifests, r.Tags, r.Skipped, r.Was = entries, p.tags, !p.sent.Load(), p.was
	return r, nil
}

// indexKind returns the kind that the type and annotations of an index determine, or else the kind of its first manifest.
func indexKind(ctx context.Context, dst oras.Target, plan *artifact.Plan, entries []ocispec.Descriptor) (mediatypes.Kind, error) {
	kind, ok := kinds.KindOfIndex(ocispec.Index{ArtifactType: plan.ArtifactType, Annotations: plan.Annotations})
	if ok {
		return kind, nil
	}
	var m ocispec.Manifest
	err := manifest.FetchJSON(ctx, dst, entries[0], &m)
	kind, _ = kinds.KindOf(m)
	return kind, err
}

// newEntries returns the descriptors of the manifests for an index, and warnings about the manifests. In a collection, descriptors
// have the annotations of their manifests, and no platform.
func newEntries(ctx context.Context, dst oras.Target, members []Member, isCollection bool) ([]ocispec.Descriptor, []string, error) {
	var entries []ocispec.Descriptor
	var warnings []string
	for _, m := range members {
		manifests, err := listManifests(ctx, dst, m.Descriptor)
		if err != nil {
			return nil, nil, err
		}
		for _, desc := range manifests {
			if manifest.IsAttestation(desc) {
				if !hasDigest(entries, desc.Digest) {
					entries = append(entries, desc)
				}
				continue
			}
			if desc.Digest == m.Descriptor.Digest {
				desc.Annotations = nil // these describe the place where the manifest was found
			}
			found, err := entry.New(ctx, dst, desc, m.Platform)
			if err != nil {
				return nil, nil, &artifact.Error{Op: "reading manifest", Item: desc.Digest.String(), Err: err}
			}
			if isCollection {
				found.Descriptor.Annotations, found.Descriptor.Platform = found.Annotations, nil
			}
			if err := checkDistinct(entries, found, isCollection); err != nil {
				return nil, nil, err
			}
			entries, warnings = append(entries, found.Descriptor), append(warnings, found.Warnings()...)
		}
	}
	if len(entries) == 0 {
		return nil, nil, fmt.Errorf("an index without manifests: %w", artifact.ErrInvalid)
	}
	return entries, warnings, nil
}

func hasDigest(entries []ocispec.Descriptor, d digest.Digest) bool {
	return slices.ContainsFunc(entries, func(e ocispec.Descriptor) bool { return e.Digest == d })
}

// checkDistinct refuses an entry that a client can't distinguish from another one.
func checkDistinct(entries []ocispec.Descriptor, found entry.Entry, isCollection bool) error {
	entry := found.Descriptor
	for _, other := range entries {
		refused := &artifact.Error{Op: "indexing", Item: entry.Digest.String(), Hint: found.Hint()}
		switch {
		case other.Digest == entry.Digest:
			refused.Hint, refused.Err = "", fmt.Errorf("two arguments name this manifest: %w", artifact.ErrInvalid)
		case manifest.IsAttestation(other) || isCollection || !isSamePlatform(other.Platform, entry.Platform):
			continue
		case entry.Platform == nil:
			refused.Err = fmt.Errorf("neither it nor %s has a platform: %w", other.Digest, artifact.ErrInvalid)
			if kind, ok := collectionOf(entry); ok {
				refused.Hint += fmt.Sprintf("; --artifact-type %s makes a collection (kind %q)", kind.ArtifactType, kind.Name)
			}
		default:
			refused.Err = fmt.Errorf("it is for the same platform as %s: %w", other.Digest, artifact.ErrInvalid)
		}
		return refused
	}
	return nil
}

// collectionOf returns the kind of collection that an artifact may be a member of. It returns false if there is no such kind.
func collectionOf(entry ocispec.Descriptor) (mediatypes.Kind, bool) {
	own, ok := kinds.KindOfEntry(entry)
	for _, kind := range kinds.Data() {
		if ok && kind.Shape == mediatypes.Collection && kind.Config.MediaType == own.Config.MediaType {
			return kind, true
		}
	}
	return mediatypes.Kind{}, false
}

// isSamePlatform reports whether two platforms are the same, so that a client could not choose between their entries.
func isSamePlatform(a, b *ocispec.Platform) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.OS == b.OS && a.Architecture == b.Architecture && a.Variant == b.Variant && a.OSVersion == b.OSVersion
}

// commonType returns the artifactType that all entries share, or "" if they differ.
func commonType(entries []ocispec.Descriptor) string {
	for _, e := range entries {
		if e.ArtifactType != entries[0].ArtifactType {
			return ""
		}
	}
	return entries[0].ArtifactType
}
