package pack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack/internal/node"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
)

// Member is a manifest of a future index. It already exists at the index's target.
type Member struct {
	Descriptor ocispec.Descriptor
	Platform   *ocispec.Platform // nil: that of its image config, else none
}

// IndexOptions configure an index. The zero value pushes it without a tag.
type IndexOptions struct {
	ArtifactType string            // empty: that of the manifests, if they all have the same
	Annotations  map[string]string // of the index
	Created      time.Time         // written as org.opencontainers.image.created, unless zero
	Subject      *ocispec.Descriptor
	Tags         []string                                                  // moved to the index at the end
	BeforeTag    func(ctx context.Context, index ocispec.Descriptor) error // see PushOptions
	Progress     artifact.Progress                                         // receives every step, unless nil
}

// Index puts separately pushed manifests under one index, in the order given. A member that is an index itself contributes its
// manifests and their BuildKit attestations. Two manifests for one platform are refused, since a client could not choose, unless
// the artifactType is that of a collection; that, and an index without members, results in an artifact.ErrInvalid. Other errors are
// those of dst and of opts.BeforeTag.
func Index(ctx context.Context, dst oras.Target, members []Member, opts IndexOptions) (*Result, error) {
	kind, _ := kinds.KindOfIndex(ocispec.Index{ArtifactType: opts.ArtifactType, Annotations: opts.Annotations})
	entries, err := newEntries(ctx, dst, members, kind.Shape == mediatypes.Collection)
	if err != nil {
		return nil, err
	}
	plan := &artifact.Plan{ArtifactType: opts.ArtifactType, Annotations: opts.Annotations}
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
	there, err := p.isComplete(ctx, root, tagged)
	switch {
	case err == nil && there:
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

// indexKind returns the kind by the index's own type and annotations, or else that of its first manifest.
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

// newEntries completes the descriptors of the manifests of an index. Those of a collection are described by their annotations.
func newEntries(ctx context.Context, dst oras.Target, members []Member, isCollection bool) ([]ocispec.Descriptor, error) {
	var entries []ocispec.Descriptor
	for _, m := range members {
		manifests, err := listManifests(ctx, dst, m.Descriptor)
		if err != nil {
			return nil, err
		}
		for _, desc := range manifests {
			if manifest.IsAttestation(desc) {
				if !hasDigest(entries, desc.Digest) {
					entries = append(entries, desc)
				}
				continue
			}
			if desc.Digest == m.Descriptor.Digest {
				desc.Annotations = nil // they describe where it was found
			}
			entry, described, err := newEntry(ctx, dst, desc, m.Platform)
			if err != nil {
				return nil, &artifact.Error{Op: "reading manifest", Item: desc.Digest.String(), Err: err}
			}
			if isCollection {
				entry.Annotations, entry.Platform = described, nil
			}
			if err := checkChoosable(entries, entry, isCollection); err != nil {
				return nil, err
			}
			entries = append(entries, entry)
		}
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("an index without manifests: %w", artifact.ErrInvalid)
	}
	return entries, nil
}

func hasDigest(entries []ocispec.Descriptor, d digest.Digest) bool {
	return slices.ContainsFunc(entries, func(e ocispec.Descriptor) bool { return e.Digest == d })
}

// checkChoosable refuses an entry that a client can't distinguish from another one.
func checkChoosable(entries []ocispec.Descriptor, entry ocispec.Descriptor, isCollection bool) error {
	for _, other := range entries {
		refused := &artifact.Error{Op: "indexing", Item: entry.Digest.String(), Hint: "set the platform of each: linux/arm64=MANIFEST"}
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

// collectionOf returns the kind of collections that an artifact may be a member of.
func collectionOf(entry ocispec.Descriptor) (mediatypes.Kind, bool) {
	own, ok := kinds.KindOfEntry(entry)
	for _, kind := range kinds.Data() {
		if ok && kind.Shape == mediatypes.Collection && kind.Config.MediaType == own.Config.MediaType {
			return kind, true
		}
	}
	return mediatypes.Kind{}, false
}

// newEntry completes a manifest's descriptor with its artifactType and its platform. It also returns the annotations of the
// manifest.
func newEntry(ctx context.Context, dst oras.Target, desc ocispec.Descriptor, platform *ocispec.Platform) (
	ocispec.Descriptor, map[string]string, error) {
	entry := ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size, Annotations: desc.Annotations}
	var m ocispec.Manifest
	if err := manifest.FetchJSON(ctx, dst, desc, &m); err != nil {
		return entry, nil, err
	}
	entry.ArtifactType = m.ArtifactType
	switch {
	case platform != nil:
		entry.Platform = platform
	case desc.Platform != nil:
		entry.Platform = desc.Platform
	case m.Config.MediaType == ocispec.MediaTypeImageConfig || m.Config.MediaType == mediatypes.DockerConfig:
		err := readConfigPlatform(ctx, dst, m.Config, &entry)
		return entry, m.Annotations, err
	}
	return entry, m.Annotations, nil
}

// readConfigPlatform reads the platform from an image config.
func readConfigPlatform(ctx context.Context, dst oras.Target, config ocispec.Descriptor, entry *ocispec.Descriptor) error {
	b, err := manifest.Fetch(ctx, dst, config)
	if err != nil {
		return err
	}
	var p ocispec.Platform
	if err := json.Unmarshal(b, &p); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if p.OS != "" && p.Architecture != "" {
		entry.Platform = &p
	}
	return nil
}

// isSamePlatform reports whether no client could choose between two entries.
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
