// Package attached compares an artifact that is about to be attached with the referrers that its subject has already.
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
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// Ours is the artifact that is about to be attached.
type Ours struct {
	Desc     ocispec.Descriptor
	Manifest []byte
	// Defaults are the annotations of the manifest that were not declared. A referrer that lacks them may have been attached
	// before they existed, or by another tool.
	Defaults map[string]string
}

// Same returns the listed referrer with the content of ours, or nil. Nothing is fetched: our manifest with the annotations of
// the listed one has its digest if the two differ in nothing else. The time of creation, and defaults that the listed
// referrer lacks, may differ.
func (o Ours) Same(listed []ocispec.Descriptor) *ocispec.Descriptor {
	for _, theirs := range listed {
		if theirs.Digest == o.Desc.Digest || o.mayDiffer(theirs.Annotations) && o.digestWith(theirs.Annotations) == theirs.Digest {
			return &theirs
		}
	}
	return nil
}

// Existing returns the referrer of Same, unless another client deleted it without removing it from the list.
func (o Ours) Existing(ctx context.Context, src content.ReadOnlyStorage, listed []ocispec.Descriptor) (*ocispec.Descriptor, error) {
	same := o.Same(listed)
	if same == nil {
		return nil, nil
	}
	ok, err := src.Exists(ctx, *same)
	if err != nil || !ok {
		return nil, err
	}
	return same, nil
}

// mayDiffer reports whether annotations differ from ours only where it does not matter.
func (o Ours) mayDiffer(theirs map[string]string) bool {
	ours := o.Desc.Annotations
	for key, value := range ours {
		_, isDefault := o.Defaults[key]
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

// digestWith returns the digest that our manifest has with other annotations.
func (o Ours) digestWith(annotations map[string]string) digest.Digest {
	var m any
	if manifest.IsIndex(o.Desc.MediaType) {
		var index ocispec.Index
		if json.Unmarshal(o.Manifest, &index) != nil {
			return ""
		}
		index.Annotations = annotations
		m = index
	} else {
		var image ocispec.Manifest
		if json.Unmarshal(o.Manifest, &image) != nil {
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

// maxUnnamed limits the referrers without a name that are read to find one.
const maxUnnamed = 64

// Predecessors returns the listed referrers that ours replaces: those of the same type, name, and predicate, except same. A
// referrer without a name has the one that it would be given now, for which it has to be fetched.
func (o Ours) Predecessors(ctx context.Context, src content.Fetcher, listed []ocispec.Descriptor, same *ocispec.Descriptor) (
	[]ocispec.Descriptor, error) {
	others := slices.DeleteFunc(slices.Clone(listed), func(d ocispec.Descriptor) bool {
		return same != nil && d.Digest == same.Digest || d.ArtifactType != "" && d.ArtifactType != o.artifactType()
	})
	ours, unnamed := roleOf(o.Desc), 0
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
		return nil, err
	}
	return slices.DeleteFunc(others, func(d ocispec.Descriptor) bool {
		theirs := roleOf(d)
		if theirs.title == "" && theirs.predicate != "" {
			theirs.title = ours.title // attestations of other tools have no name
		}
		return d.ArtifactType != o.artifactType() || theirs != ours
	}), nil
}

// Namesakes returns the listed referrers of the type, name, and predicate of ours, except same, that the listing shows.
func (o Ours) Namesakes(listed []ocispec.Descriptor, same *ocispec.Descriptor) []ocispec.Descriptor {
	ours := roleOf(o.Desc)
	return slices.DeleteFunc(slices.Clone(listed), func(d ocispec.Descriptor) bool {
		return same != nil && d.Digest == same.Digest || d.ArtifactType != o.artifactType() || ours.title == "" || roleOf(d) != ours
	})
}

// artifactType returns the type by which listings have the artifact.
func (o Ours) artifactType() string {
	var m ocispec.Manifest
	_ = json.Unmarshal(o.Manifest, &m) // our own
	return cmp.Or(m.ArtifactType, m.Config.MediaType)
}

// role identifies a referrer among those of its type: a newer one of the same role replaces it.
type role struct{ title, predicate string }

func roleOf(d ocispec.Descriptor) role {
	a := d.Annotations
	return role{a[ocispec.AnnotationTitle], cmp.Or(a[mediatypes.PredicateType], a[mediatypes.BundlePredicateType])}
}

// maxNaming bounds a document that is read for its name, in bytes.
const maxNaming = 64 << 20

// completeEntry completes the listing of a referrer from its manifest. If a successor has a name, it adds the name that the
// document has, or the only file. Attestations are distinguished by their predicates.
func completeEntry(ctx context.Context, src content.Fetcher, desc ocispec.Descriptor, successor role) (ocispec.Descriptor, error) {
	m, err := fetch.Load(ctx, src, desc)
	if errors.Is(err, errdef.ErrNotFound) {
		return desc, nil // another client deleted it without removing it from the list
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
