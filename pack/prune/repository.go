package prune

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// Repository is a repository, layout, or archive that is pruned.
type Repository struct {
	Target
	Tags    func(ctx context.Context) ([]string, error) // without the tags of the referrers tag schema and cosign
	AllTags func(ctx context.Context) ([]string, error) // with those tags
}

// Target is a target that can remove tags and manifests.
type Target interface {
	oras.GraphTarget
	content.Deleter
	content.Untagger
}

// Policy determines which tags are kept. The zero value keeps every tag.
type Policy struct {
	KeepTags  []string  // patterns of path.Match for tags to keep; each must match a tag
	KeepLast  *int      // number of newest artifacts to keep in each repository with all their tags, by time, else by version; nil keeps none
	OlderThan time.Time // tags of artifacts created at this time or later, or at an unknown time, stay; the zero time keeps none
}

// KeepsAll reports whether every tag is kept.
func (p Policy) KeepsAll() bool {
	return len(p.KeepTags) == 0 && p.KeepLast == nil && p.OlderThan.IsZero()
}

// Tag is a tag and the manifest that it points to.
type Tag struct {
	Name    string        `json:"name"`
	Digest  digest.Digest `json:"digest"`
	Created time.Time     `json:"created,omitzero"`

	desc    ocispec.Descriptor
	undated bool // kept only because the age is unknown
}

// Manifest is a manifest to remove.
type Manifest struct {
	ocispec.Descriptor
	Kind    string        `json:"kind,omitempty"`    // or "" if it is unknown
	Name    string        `json:"name,omitempty"`    // of an attachment
	Subject digest.Digest `json:"subject,omitempty"` // of an attachment
}

// Plan lists everything that pruning removes.
type Plan struct {
	Tags      []Tag      `json:"tags"`      // untagged, or deleted with their manifests
	Manifests []Manifest `json:"manifests"` // in the order in which they are deleted
	Kept      []string   `json:"kept"`      // tags
	// Undated are the tags that are kept only because their age is unknown, if the policy sets OlderThan.
	Undated []string `json:"undated,omitempty"`
	// Listed reports whether manifests without a tag were considered. Registries do not list them.
	Listed bool `json:"untaggedListed"`
}

// errNoMatch is the error for a pattern that matches no tag. A typo in a pattern must not remove everything.
var errNoMatch = fault.Worded("matches no tag", artifact.ErrInvalid)

// maxManifests limits the manifests that are read from a repository.
const maxManifests = 100_000

// NewPlan finds the manifests that are not reachable from a kept tag through indexes, subjects, and referrers, and the tags by which cosign
// and the referrers tag schema attach to them. It removes nothing. It fails with artifact.ErrInvalid if a pattern matches no tag, and
// with artifact.ErrRefused if there are more than 100,000 manifests.
func NewPlan(ctx context.Context, repo Repository, policy Policy) (*Plan, error) {
	names, err := repo.Tags(ctx)
	if err != nil {
		return nil, err
	}
	w := &walker{repo: repo, manifests: map[digest.Digest]*fetch.Manifest{}}
	tags, err := w.resolve(ctx, names)
	if err != nil {
		return nil, err
	}
	kept, gone, err := policy.divide(tags)
	if err != nil {
		return nil, err
	}
	plan := &Plan{Tags: gone, Kept: []string{}}
	needed, unneeded := map[digest.Digest]bool{}, map[digest.Digest]bool{}
	for _, t := range kept {
		plan.Kept = append(plan.Kept, t.Name)
		if t.undated {
			plan.Undated = append(plan.Undated, t.Name)
		}
		if err := w.addReachable(ctx, t.desc, needed); err != nil {
			return nil, err
		}
	}
	attached, err := w.findAttachedTags(ctx, needed)
	if err != nil {
		return nil, err
	}
	for _, t := range attached {
		if oci.IsCosignTag(t.Name) {
			if err := w.addReachable(ctx, t.desc, unneeded); err != nil {
				return nil, err
			}
		}
	}
	for _, t := range gone {
		if err := w.addReachable(ctx, t.desc, unneeded); err != nil {
			return nil, err
		}
	}
	if lister, ok := repo.Target.(interface {
		Roots(ctx context.Context) ([]ocispec.Descriptor, error)
	}); ok {
		plan.Listed = true
		roots, err := lister.Roots(ctx)
		if err != nil {
			return nil, err
		}
		for _, root := range roots {
			if err := w.addReachable(ctx, root, unneeded); err != nil {
				return nil, err
			}
		}
	}
	if !plan.Listed {
		if attached, err = w.addOrphans(ctx, attached, unneeded); err != nil {
			return nil, err
		}
	}
	plan.Tags = append(plan.Tags, attached...)
	var all []ocispec.Descriptor
	for d := range unneeded {
		isList := slices.ContainsFunc(attached, func(t Tag) bool { return t.Digest == d && oci.IsReferrersTag(t.Name) })
		if !needed[d] && !isList {
			all = append(all, w.manifests[d].Desc)
		}
	}
	w.sort(all)
	plan.Manifests = make([]Manifest, len(all))
	for i := range all {
		plan.Manifests[i].describe(w.manifests[all[i].Digest])
	}
	return plan, nil
}

// describe sets the fields by what was read.
func (to *Manifest) describe(m *fetch.Manifest) {
	to.Descriptor = m.Desc
	if kind := m.Kind().Name; kind != kinds.Fallback().Name || m.ArtifactType != "" {
		to.Kind = kind
	}
	if m.Subject != nil {
		to.Name, to.Subject = m.Annotations[ocispec.AnnotationTitle], m.Subject.Digest
	}
}

// Apply removes the tags and manifests of a plan. Where a registry can't delete tags, they disappear with their manifests. If
// a tag can't be removed, the error is an *artifact.Error that names it. Other errors are those of Remove.
func (p *Plan) Apply(ctx context.Context, repo Repository) error {
	gone := map[digest.Digest]bool{}
	all := make([]ocispec.Descriptor, len(p.Manifests))
	for i, m := range p.Manifests {
		gone[m.Digest], all[i] = true, m.Descriptor
	}
	for _, t := range p.Tags {
		if gone[t.Digest] || oci.IsReferrersTag(t.Name) {
			continue // removed with the manifest, or below
		}
		if err := repo.Untag(ctx, t.Name); err != nil && !errors.Is(err, errdef.ErrNotFound) {
			return &artifact.Error{Op: "removing the tag", Item: t.Name, Err: err}
		}
	}
	if err := Remove(ctx, repo.Target, all); err != nil {
		return err
	}
	// Deleting a referrer replaces the manifest of the referrers tag schema, so that manifest is deleted last.
	for _, t := range p.Tags {
		if !oci.IsReferrersTag(t.Name) {
			continue
		}
		if err := removeList(ctx, repo.Target, t.Name); err != nil {
			return err
		}
	}
	return nil
}

// walker reads the graph of manifests. It reads each manifest once.
type walker struct {
	repo      Repository
	manifests map[digest.Digest]*fetch.Manifest
}

// resolve returns the tags with the manifests that they point to and their dates. It skips tags that no longer exist.
func (w *walker) resolve(ctx context.Context, names []string) ([]Tag, error) {
	var tags []Tag
	for _, name := range names {
		m, err := fetch.Resolve(ctx, w.repo, name)
		if errors.Is(err, errdef.ErrNotFound) {
			continue // deleted in the meantime
		}
		if err != nil {
			return nil, err
		}
		w.manifests[m.Desc.Digest] = m
		created, err := w.readCreated(ctx, m)
		if err != nil {
			return nil, err
		}
		tags = append(tags, Tag{Name: name, Digest: m.Desc.Digest, Created: created, desc: m.Desc})
	}
	return tags, nil
}

// readCreated returns the creation time in the annotations of a manifest, or else in its config. An index without the
// annotation has the time of its first runnable manifest. The zero time means unknown.
func (w *walker) readCreated(ctx context.Context, m *fetch.Manifest) (time.Time, error) {
	if t := createdAt(ocispec.Descriptor{Annotations: m.Annotations}); !t.IsZero() {
		return t, nil
	}
	if runnable := oci.Runnable(m.Manifests); m.IsIndex() && len(runnable) > 0 {
		inner, err := w.load(ctx, runnable[0])
		if err != nil || inner == nil {
			return time.Time{}, err
		}
		return w.readCreated(ctx, inner)
	}
	if m.Config == nil || !strings.HasSuffix(m.Config.MediaType, "+json") || m.Config.Size > oci.MaxSize {
		return time.Time{}, nil
	}
	var config struct{ Created *time.Time }
	if err := oci.FetchJSON(ctx, w.repo, *m.Config, &config); err != nil || config.Created == nil || config.Created.Unix() <= 0 {
		return time.Time{}, nil // the age is unknown
	}
	return *config.Created, nil
}

// load reads a manifest. It returns nil if the manifest no longer exists.
func (w *walker) load(ctx context.Context, desc ocispec.Descriptor) (*fetch.Manifest, error) {
	if m := w.manifests[desc.Digest]; m != nil {
		return m, nil
	}
	if len(w.manifests) >= maxManifests {
		return nil, artifact.Refused(desc.Digest.String(), "too many manifests: limit is %d", maxManifests)
	}
	m, err := fetch.Load(ctx, w.repo, desc)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w.manifests[desc.Digest] = m
	return m, nil
}

// addReachable adds a manifest, and everything reachable from it: entries of an index, the subject, and referrers.
func (w *walker) addReachable(ctx context.Context, from ocispec.Descriptor, reached map[digest.Digest]bool) error {
	next := []ocispec.Descriptor{from}
	for len(next) > 0 {
		desc := next[len(next)-1]
		next = next[:len(next)-1]
		if reached[desc.Digest] || !oci.Is(desc.MediaType) {
			continue
		}
		m, err := w.load(ctx, desc)
		if err != nil {
			return err
		}
		if m == nil {
			continue
		}
		reached[desc.Digest] = true
		next = append(next, m.Manifests...)
		if m.Subject != nil {
			next = append(next, *m.Subject)
		}
		found, err := fetch.ListReferrers(ctx, w.repo, m.Desc, "")
		if err != nil {
			return err
		}
		next = append(next, found...)
	}
	return nil
}

// sort orders manifests for deletion: referrers before their subjects, and indexes before their entries.
func (w *walker) sort(all []ocispec.Descriptor) {
	depth := map[digest.Digest]int{}
	var measure func(d digest.Digest, level int)
	measure = func(d digest.Digest, level int) {
		m := w.manifests[d]
		if m == nil || depth[d] > level || level > len(all) {
			return
		}
		depth[d] = level
		for _, e := range m.Manifests {
			measure(e.Digest, level+1)
		}
		if m.Subject != nil {
			measure(m.Subject.Digest, level+1)
		}
	}
	for _, desc := range all {
		measure(desc.Digest, max(depth[desc.Digest], 1))
	}
	lists.Sort(all, func(a, b ocispec.Descriptor) int {
		if c := depth[a.Digest] - depth[b.Digest]; c != 0 {
			return c
		}
		return strings.Compare(a.Digest.String(), b.Digest.String())
	})
}
