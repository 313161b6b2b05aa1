package inspect

import (
	"context"
	"slices"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// owners maps the digest of a manifest or blob to those of the manifests that refer to it, and that of an attachment to its subject.
type owners map[digest.Digest][]digest.Digest

// record records the content that a manifest refers to.
func (o owners) record(m *fetch.Manifest, content ...ocispec.Descriptor) {
	for _, desc := range content {
		o.add(desc.Digest, m.Desc.Digest)
	}
	if m.Subject != nil {
		o.add(m.Desc.Digest, m.Subject.Digest)
	}
}

// add records that content belongs to a manifest, once if it is repeated in the manifest. A nil map records nothing.
func (o owners) add(content, owner digest.Digest) {
	if known := o[content]; o != nil && (len(known) == 0 || known[len(known)-1] != owner) {
		o[content] = append(known, owner)
	}
}

// maxNamed limits the names of artifacts in all faults together: each of many tags may lead to each of many damaged blobs.
const maxNamed = 100_000

// severalArtifacts is implemented by layouts and archives.
type severalArtifacts interface {
	Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error)
	FullTags(ctx context.Context) ([]string, error)
}

// nameArtifacts adds to each fault the names of the artifacts that the content belongs to, if a layout or archive has several: at most
// maxNamed in all.
func (o owners) nameArtifacts(ctx context.Context, src oras.ReadOnlyTarget, faults []Fault) error {
	files, ok := src.(severalArtifacts)
	if !ok || len(faults) == 0 {
		return nil
	}
	tags, err := files.FullTags(ctx)
	if err != nil || len(tags) < 2 {
		return err
	}
	names := map[digest.Digest][]string{}
	for _, tag := range tags {
		if desc, err := files.Resolve(ctx, tag); err == nil {
			names[desc.Digest] = append(names[desc.Digest], tag)
		}
	}
	left := maxNamed
	for i := range faults {
		seen := map[digest.Digest]bool{}
		for next := []digest.Digest{faults[i].Digest}; len(next) > 0; next = next[1:] {
			if d := next[0]; !seen[d] {
				seen[d] = true
				few := names[d][:min(left, len(names[d]))]
				left -= len(few)
				faults[i].Artifacts = append(faults[i].Artifacts, few...)
				next = append(next, o[d]...)
			}
		}
		slices.Sort(faults[i].Artifacts)
	}
	return nil
}
