// Package attached compares an artifact that is about to be attached with the existing referrers of its subject.
package attached

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// Candidate is the artifact that is about to be attached.
type Candidate struct {
	Desc     ocispec.Descriptor
	Manifest []byte
	// Defaults are the annotations of the manifest that were not declared. A referrer that lacks them may have been attached
	// before they existed, or by another tool.
	Defaults map[string]string
	// Replace makes Compare look for referrers that the candidate replaces.
	Replace bool
	// SetTime is set if the creation time was given, so that it replaces another, or without Replace none.
	SetTime bool
}

// Relation has the listed referrers that Compare finds.
type Relation struct {
	Same     *ocispec.Descriptor  // the same artifact, or nil
	Replaced []ocispec.Descriptor // those that the candidate replaces
	Others   []ocispec.Descriptor // with Replace, those of the same type and predicate that have other names
	Beside   []digest.Digest      // without Replace, those of the same type, name, and predicate that stay
}

// Compare compares the candidate with the listed referrers. It does not return a Same that another client deleted without removing it
// from the list.
func (c Candidate) Compare(ctx context.Context, src content.ReadOnlyStorage, listed []ocispec.Descriptor) (r Relation, err error) {
	if r.Same, err = c.existing(ctx, src, listed); err != nil {
		return r, err
	}
	if c.Replace {
		r.Replaced, r.Others, err = c.predecessors(ctx, src, listed, r.Same)
		return r, err
	}
	if r.Same == nil && c.setsDate() {
		r.Replaced, listed = lists.Split(listed, func(d ocispec.Descriptor) bool { return c.isSame(d) && !isDated(d) })
	}
	for _, d := range c.namesakes(listed, r.Same) {
		r.Beside = append(r.Beside, d.Digest)
	}
	return r, nil
}

// Same returns the listed referrer with the same content, or nil. The creation times may differ, and the referrer may lack some of the
// Defaults. If SetTime is set, it has the same time with Replace, and some time without. Same fetches nothing.
func (c Candidate) Same(listed []ocispec.Descriptor) *ocispec.Descriptor {
	var same *ocispec.Descriptor
	for _, theirs := range listed {
		switch {
		case theirs.Digest == c.Desc.Digest:
			return &theirs
		case same == nil && c.isSame(theirs) && (c.Replace || !c.setsDate() || isDated(theirs)):
			same = &theirs
		}
	}
	return same
}

// isSame reports whether a referrer has the same content. It computes the digest that the candidate's manifest would have with the
// annotations of the referrer.
func (c Candidate) isSame(theirs ocispec.Descriptor) bool {
	return c.isEquivalent(theirs.Annotations) && c.digestWith(theirs.Annotations) == theirs.Digest
}

// setsDate reports whether a valid creation time was given.
func (c Candidate) setsDate() bool { return c.SetTime && isDated(c.Desc) }

// isDated reports whether a descriptor has a valid creation time.
func isDated(desc ocispec.Descriptor) bool { return !manifest.Created(desc.Annotations).IsZero() }

// existing returns the referrer that Same returns, or nil if another client deleted it without removing it from the list.
func (c Candidate) existing(ctx context.Context, src content.ReadOnlyStorage, listed []ocispec.Descriptor) (*ocispec.Descriptor, error) {
	same := c.Same(listed)
	if same == nil {
		return nil, nil
	}
	ok, err := src.Exists(ctx, *same)
	if err != nil || !ok {
		return nil, err
	}
	return same, nil
}

// isEquivalent reports whether annotations differ from ours only in missing defaults and the creation time. With Replace and SetTime,
// the creation time must be equal.
func (c Candidate) isEquivalent(theirs map[string]string) bool {
	ours := c.Desc.Annotations
	if c.Replace && c.SetTime && ours[ocispec.AnnotationCreated] != theirs[ocispec.AnnotationCreated] {
		return false
	}
	for key, value := range ours {
		_, isDefault := c.Defaults[key]
		if other, has := theirs[key]; other != value && (has || !isDefault) && key != ocispec.AnnotationCreated {
			return false
		}
	}
	for key := range theirs {
		if _, has := ours[key]; !has && key != ocispec.AnnotationCreated {
			return false
		}
	}
	return true
}

// digestWith returns the digest of our manifest with other annotations, or "" if the manifest is malformed.
func (c Candidate) digestWith(annotations map[string]string) digest.Digest {
	var m any
	if manifest.IsIndex(c.Desc.MediaType) {
		var index ocispec.Index
		if json.Unmarshal(c.Manifest, &index) != nil {
			return ""
		}
		index.Annotations = annotations
		m = index
	} else {
		var image ocispec.Manifest
		if json.Unmarshal(c.Manifest, &image) != nil {
			return ""
		}
		image.Annotations = annotations
		m = image
	}
	data, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	return digest.FromBytes(data)
}

// maxUnnamed limits the referrers that are read because the listing lacks their names or types.
const maxUnnamed = 64

// predecessors returns the listed referrers that the candidate replaces: those of the same type, name, and predicate, except
// same. It also returns those of the same type and predicate that have other names. It fetches up to 64 referrers whose names or types are
// not listed. For those without a name, it uses the name that Attach would choose.
func (c Candidate) predecessors(ctx context.Context, src content.Fetcher, listed []ocispec.Descriptor, same *ocispec.Descriptor) (
	replaced, renamed []ocispec.Descriptor, err error) {
	others := lists.Delete(slices.Clone(listed), func(d ocispec.Descriptor) bool {
		return same != nil && d.Digest == same.Digest || d.ArtifactType != "" && d.ArtifactType != c.artifactType()
	})
	ours, unnamed := roleOf(c.Desc), 0
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, d := range others {
		if d.Annotations[ocispec.AnnotationTitle] != "" && d.ArtifactType != "" {
			continue
		}
		if unnamed++; unnamed > maxUnnamed {
			continue
		}
		g.Go(func() (err error) {
			others[i], err = completeEntry(ctx, src, d, ours)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	for _, d := range others {
		theirs := roleOf(d)
		if theirs.title == "" && theirs.predicate != "" {
			theirs.title = ours.title // attestations of other tools have no name
		}
		switch {
		case d.ArtifactType != c.artifactType() || theirs.predicate != ours.predicate:
		case theirs == ours:
			replaced = append(replaced, d)
		default:
			renamed = append(renamed, d)
		}
	}
	return replaced, renamed, nil
}

// namesakes returns the listed referrers of the same type, name, and predicate, except same. It fetches nothing, so it finds only
// those whose names are in the listing.
func (c Candidate) namesakes(listed []ocispec.Descriptor, same *ocispec.Descriptor) []ocispec.Descriptor {
	ours := roleOf(c.Desc)
	return lists.Delete(slices.Clone(listed), func(d ocispec.Descriptor) bool {
		return same != nil && d.Digest == same.Digest || d.ArtifactType != c.artifactType() || ours.title == "" || roleOf(d) != ours
	})
}

// artifactType returns the type of the artifact in a listing of referrers.
func (c Candidate) artifactType() string {
	var m ocispec.Manifest
	_ = json.Unmarshal(c.Manifest, &m) // our own manifest is valid
	return cmp.Or(m.ArtifactType, m.Config.MediaType)
}

// role identifies a referrer among those of its type: a newer one of the same role replaces it.
type role struct{ title, predicate string }

func roleOf(d ocispec.Descriptor) role {
	a := d.Annotations
	return role{a[ocispec.AnnotationTitle], cmp.Or(a[mediatypes.PredicateType], a[mediatypes.BundlePredicateType])}
}

// maxNaming is the maximum size in bytes of a document that is read for its name.
const maxNaming = 64 << 20

// completeEntry adds the type and annotations in the manifest to the descriptor of a listed referrer. If the referrer lacks a
// name, unlike its successor, completeEntry adds the name in the document, or that of the only file. Attestations get no
// name, because their predicates distinguish them.
func completeEntry(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor, successor role) (ocispec.Descriptor, error) {
	m, err := fetch.Load(ctx, src, desc)
	if errors.Is(err, errdef.ErrNotFound) {
		return desc, nil // another client deleted the referrer without removing it from the list
	}
	if err != nil {
		return desc, err
	}
	desc.ArtifactType, desc.Annotations = m.Traits().Type(), maps.Clone(m.Annotations)
	if r := roleOf(desc); r.title != "" || r.predicate != "" || successor.title == "" || len(m.Layers) != 1 {
		return desc, nil
	}
	layer := m.Layers[0]
	name := layer.Annotations[ocispec.AnnotationTitle]
	if outline := kinds.Of(m.Kind()).Outline; outline != nil && layer.Size <= maxNaming {
		rc, err := fetch.OpenBlob(ctx, src, layer)
		if err != nil {
			return desc, err
		}
		defer rc.Close()
		if o, err := outline(rc, layer.MediaType); err == nil {
			name = cmp.Or(o.Name, name)
		}
	}
	if desc.Annotations == nil {
		desc.Annotations = map[string]string{}
	}
	desc.Annotations[ocispec.AnnotationTitle] = name
	return desc, nil
}
