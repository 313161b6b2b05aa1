package inspect

import (
	"context"
	"slices"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// owners maps the digest of a manifest or blob to those of the manifests that refer to it, and that of an attachment to its subject.
type owners map[digest.Digest][]digest.Digest

// record records the content that a manifest refers to.
func (o owners) record(m *fetch.Manifest, content ...ocispec.Descriptor) {
	for _, desc := range content {
		o[desc.Digest] = append(o[desc.Digest], m.Desc.Digest)
	}
	if m.Subject != nil {
		o[m.Desc.Digest] = append(o[m.Desc.Digest], m.Subject.Digest)
	}
}

// nameArtifacts states in each fault the names of the artifacts of a layout or archive that the content belongs to, if it has
// several.
func (o owners) nameArtifacts(ctx context.Context, files inventory, faults []Fault) error {
	if len(faults) == 0 {
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
	for i := range faults {
		seen := map[digest.Digest]bool{}
		for next := []digest.Digest{faults[i].Digest}; len(next) > 0; next = next[1:] {
			if d := next[0]; !seen[d] {
				seen[d] = true
				faults[i].Artifacts = append(faults[i].Artifacts, names[d]...)
				next = append(next, o[d]...)
			}
		}
		slices.Sort(faults[i].Artifacts)
	}
	return nil
}
