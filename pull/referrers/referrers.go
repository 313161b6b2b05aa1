package referrers

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/concurrency"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// MaxDepth is the maximum depth of a tree of referrers.
const MaxDepth = 8

// Options select the referrers that are listed. The zero value lists the direct ones of every kind.
type Options struct {
	Kind      string // names of kinds, or artifactTypes, separated by commas; "": all
	Recursive bool   // referrers of referrers too, as a tree; Kind applies to the first level
	Tags      bool   // also manifests that cosign stores under tags like sha256-….sig; this takes one more request, or a few
	FreeTags  bool   // like Tags, unless the source has the referrers API and lists referrers, so that Tags would take a request
}

// Referrer is a manifest that refers to a subject, with its own referrers. Its JSON is for scripts.
type Referrer struct {
	Digest       digest.Digest     `json:"digest"`
	MediaType    string            `json:"mediaType"`
	ArtifactType string            `json:"artifactType"`
	Kind         string            `json:"kind"`
	Size         int64             `json:"size"` // of the manifest
	Annotations  map[string]string `json:"annotations,omitempty"`
	Statements   []string          `json:"statements,omitempty"` // predicate types, if its manifest had to be read
	Tag          string            `json:"tag,omitempty"`        // derived from the subject's digest, for a manifest without a subject
	Referrers    []*Referrer       `json:"referrers,omitempty"`

	Reference string `json:"reference,omitempty"` // of the manifest, set by the caller, which knows the name of the source

	// These are read from the annotations, for people.
	Name        string `json:"name,omitempty"`
	Summary     string `json:"summary,omitempty"`     // of the content
	Date        string `json:"created,omitempty"`     // in RFC 3339
	ContentSize int64  `json:"contentSize,omitempty"` // of the attached content, without the manifest
}

// Descriptor returns the descriptor of the referrer's manifest.
func (r *Referrer) Descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{
		MediaType: r.MediaType, ArtifactType: r.ArtifactType, Digest: r.Digest, Size: r.Size, Annotations: r.Annotations,
	}
}

// Created returns the creation time in the annotations, or the zero time.
func (r *Referrer) Created() time.Time { return manifest.Created(r.Annotations) }

// Latest returns the referrer created last. If the times do not determine it, Latest returns the candidates as undecided, and
// the last of them as latest. all must not be empty.
func Latest(all []*Referrer) (latest *Referrer, undecided []*Referrer) {
	newest, undecided := manifest.Newest(all, 1, (*Referrer).Created)
	if len(undecided) > 0 {
		return undecided[len(undecided)-1], undecided
	}
	return newest[0], nil
}

// List returns the referrers of subject, sorted by kind, time, and digest. It uses the referrers API, its fallback tag, or the
// graph of the source, whichever the source has. The list is empty for a subject that has no referrers or does not exist.
//
// List returns artifact.ErrRefused for more than 10,000 referrers, and for manifests that do not match their digests.
func List(ctx context.Context, src oras.ReadOnlyGraphTarget, subject ocispec.Descriptor, opts Options) (
	[]*Referrer, error) {
	lists, err := NewLister(src, opts).Each(ctx, []ocispec.Descriptor{subject})
	if err != nil {
		return nil, err
	}
	return lists[subject.Digest], nil
}

// A Lister makes one listing, in which each referrer appears once. It descends the trees level by level and requests all
// referrers of a level at once, since distant registries are slow to answer.
type Lister struct {
	src    oras.ReadOnlyGraphTarget
	opts   Options
	seen   map[digest.Digest]bool
	budget fetch.ReferrerBudget
}

// NewLister returns a Lister for a source.
func NewLister(src oras.ReadOnlyGraphTarget, opts Options) *Lister {
	return &Lister{src: src, opts: opts, seen: make(map[digest.Digest]bool)}
}

// Each returns the referrers of each of the subjects, by digest. It omits subjects that are already listed. Each returns the
// errors of List.
func (w *Lister) Each(ctx context.Context, subjects []ocispec.Descriptor) (map[digest.Digest][]*Referrer, error) {
	var each []ocispec.Descriptor
	for _, subject := range subjects {
		if !w.seen[subject.Digest] {
			each = append(each, subject)
			w.seen[subject.Digest] = true
		}
	}
	lists, err := w.listLevel(ctx, each, 0)
	if err != nil {
		return nil, err
	}
	if w.opts.Recursive {
		err = w.listIndirect(ctx, slices.Concat(lists...))
	}
	of := make(map[digest.Digest][]*Referrer)
	for i, subject := range each {
		of[subject.Digest] = lists[i]
	}
	return of, err
}

// listIndirect adds the referrers of referrers, recursively.
func (w *Lister) listIndirect(ctx context.Context, above []*Referrer) error {
	for depth := 1; depth < MaxDepth && len(above) > 0; depth++ {
		subjects := make([]ocispec.Descriptor, len(above))
		for i, r := range above {
			subjects[i] = r.Descriptor()
		}
		lists, err := w.listLevel(ctx, subjects, depth)
		if err != nil {
			return err
		}
		for i, r := range above {
			r.Referrers = lists[i]
		}
		above = slices.Concat(lists...)
	}
	return nil
}

// listLevel lists the referrers of each of the subjects, at this depth of the tree. A referrer of several of them is listed for the
// first.
func (w *Lister) listLevel(ctx context.Context, subjects []ocispec.Descriptor, depth int) ([][]*Referrer, error) {
	opts := w.opts
	if depth > 0 {
		opts.Kind, opts.Tags, opts.FreeTags = "", false, false
	}
	found := make([][]ocispec.Descriptor, len(subjects))
	err := concurrency.Each(ctx, len(subjects), func(ctx context.Context, i int) (err error) {
		if found[i], err = w.listDirect(ctx, subjects[i], filterType(opts.Kind)); err != nil && !strings.Contains(err.Error(), subjects[i].Digest.String()) {
			err = &artifact.Error{Op: "listing referrers of", Item: subjects[i].Digest.String(), Err: err}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i] = lists.Delete(found[i], func(desc ocispec.Descriptor) bool {
			known := w.seen[desc.Digest]
			w.seen[desc.Digest] = true
			return known
		})
	}
	opts.Tags = opts.Tags || opts.FreeTags && w.hasFreeTags(found)
	if learner, ok := w.src.(interface{ LearnTags(context.Context) }); ok && opts.Tags && len(subjects) > 0 {
		learner.LearnTags(ctx)
	}
	lists := make([][]*Referrer, len(subjects))
	return lists, concurrency.Each(ctx, len(subjects), func(ctx context.Context, i int) (err error) {
		lists[i], err = w.describeAll(ctx, subjects[i], found[i], opts)
		return err
	})
}

// hasFreeTags reports whether cosign's tags should be read for FreeTags. Without the referrers API, the listing reads the tags of the
// repository anyway. If nothing else is attached, the tags are always read.
func (w *Lister) hasFreeTags(found [][]ocispec.Descriptor) bool {
	api, ok := w.src.(interface{ HasReferrersAPI() bool })
	return !ok || !api.HasReferrersAPI() || !slices.ContainsFunc(found, func(list []ocispec.Descriptor) bool { return len(list) > 0 })
}

// describeAll returns sorted descriptions of the referrers found for a subject.
func (w *Lister) describeAll(ctx context.Context, subject ocispec.Descriptor, found []ocispec.Descriptor, opts Options) (
	[]*Referrer, error) {
	list := make([]*Referrer, 0, len(found))
	for _, desc := range found {
		r, err := w.newReferrer(ctx, desc)
		if err != nil {
			return nil, err
		}
		if kinds.AnyOf(opts.Kind, r.is) {
			list = append(list, r)
		}
	}
	if opts.Tags {
		tagged, err := w.listCosignManifests(ctx, subject)
		if err != nil {
			return nil, err
		}
		list = append(list, tagged...)
	}
	for _, r := range list {
		r.complete()
	}
	lists.Sort(list, func(a, b *Referrer) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), a.Created().Compare(b.Created()), cmp.Compare(a.Digest, b.Digest))
	})
	return list, nil
}

// listDirect lists the direct referrers, from the source.
func (w *Lister) listDirect(ctx context.Context, subject ocispec.Descriptor, artifactType string) ([]ocispec.Descriptor, error) {
	var found []ocispec.Descriptor
	err := fetch.Referrers(ctx, w.src, subject, artifactType, func(page []ocispec.Descriptor) error {
		if err := w.budget.Take(subject, page); err != nil {
			return err
		}
		found = append(found, page...)
		return nil
	})
	return found, err
}

// filterType returns the artifactType that the source can filter by, or "" if it can't filter by this kind.
func filterType(kind string) string {
	if strings.Contains(kind, ",") {
		return ""
	}
	if strings.Contains(kind, "/") {
		return kind
	}
	if k, ok := kinds.Lookup(kind); ok && k.ArtifactType != "" && len(k.Types) == 0 && !k.TypeFromLayer {
		return k.ArtifactType
	}
	return ""
}

// newReferrer describes a listed manifest. If the list lacks fields, as cosign's fallback index does, it reads the manifest.
func (w *Lister) newReferrer(ctx context.Context, desc ocispec.Descriptor) (*Referrer, error) {
	r := &Referrer{
		Digest: desc.Digest, MediaType: desc.MediaType, ArtifactType: desc.ArtifactType, Size: desc.Size,
		Annotations: desc.Annotations,
	}
	traits := mediatypes.Traits{ArtifactType: desc.ArtifactType, Annotations: desc.Annotations}
	if !traits.NeedsManifest() && desc.ArtifactType != mediatypes.BuildKitAttestation { // only the layers of BuildKit's attestations have the predicate types
		kind, _ := kinds.Recognize(traits)
		r.Kind = kind.Name
		return r, nil
	}
	m, err := fetch.Load(ctx, w.src, desc)
	if err != nil {
		return nil, err
	}
	r.describe(m)
	return r, nil
}

// describe adds details from the manifest.
func (r *Referrer) describe(m *fetch.Manifest) {
	r.ArtifactType, r.Annotations, r.Kind, r.Statements = m.Traits().Type(), m.Annotations, m.Kind().Name, predicates(m)
}

// Is reports whether a referrer is of a kind or an artifactType, or has a statement of it. No referrer is of the kind "".
func (r *Referrer) Is(kind string) bool { return kind != "" && r.is(kind) }

// is reports whether a referrer is of a kind or an artifactType, or has a statement of it. Every referrer is of the kind "".
func (r *Referrer) is(kind string) bool {
	stated := append(slices.Clone(r.Statements), r.Annotations[mediatypes.PredicateType], r.Annotations[mediatypes.BundlePredicateType])
	return kind == "" || kind == r.Kind || kind == r.ArtifactType ||
		slices.ContainsFunc(stated, func(predicate string) bool { return predicate != "" && kinds.KindOfPredicate(predicate) == kind })
}

// listCosignManifests lists the manifests that cosign stores for a subject under tags derived from its digest.
func (w *Lister) listCosignManifests(ctx context.Context, subject ocispec.Descriptor) ([]*Referrer, error) {
	found, err := fetch.CosignManifests(ctx, w.src, subject)
	if err != nil {
		return nil, err
	}
	var list []*Referrer
	for _, one := range found {
		r, err := w.newReferrer(ctx, one.Desc)
		if err != nil {
			return nil, err
		}
		r.Tag = one.Tag
		if kinds.AnyOf(w.opts.Kind, r.is) {
			list = append(list, r)
		}
	}
	return list, nil
}
