package referrers

import (
	"context"
	"slices"

	"github.com/davit-oci/davit/internal/fetch"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/registry"
)

// visitIndexesOf calls fn for the indexes behind a few of the source's tags that list a manifest, until fn returns true or an error.
// It passes the platform that the index states.
func visitIndexesOf(ctx context.Context, src oras.ReadOnlyTarget, d digest.Digest, fn func(tag string, index *fetch.Manifest, p *ocispec.Platform) (bool, error)) error {
	lister, ok := src.(registry.TagLister)
	if !ok {
		return nil
	}
	some, _ := fetch.SomeTags(ctx, lister) // without tags, there is no index to find
	tags := slices.DeleteFunc(some, oci.IsMachineTag)
	for _, tag := range slices.Backward(tags[max(0, len(tags)-maxElsewhereTags):]) { // later versions first
		index, err := fetch.Resolve(ctx, src, tag)
		if err != nil || !index.IsIndex() {
			continue // another artifact, or a tag that was deleted meanwhile
		}
		i := slices.IndexFunc(index.Manifests, func(e ocispec.Descriptor) bool { return e.Digest == d })
		if i < 0 {
			continue
		}
		if done, err := fn(tag, index, index.Manifests[i].Platform); done || err != nil {
			return err
		}
	}
	return nil
}

// ListIndex lists the attachments of an index that lists a manifest: of the first one, behind a few of the source's tags, that has
// some. It returns nil if it finds no such index. See List for its errors.
func ListIndex(ctx context.Context, src oras.ReadOnlyGraphTarget, subject digest.Digest, opts Options) (found *AttachedTo, err error) {
	err = visitIndexesOf(ctx, src, subject, func(tag string, index *fetch.Manifest, _ *ocispec.Platform) (bool, error) {
		list, err := List(ctx, src, index.Desc, opts)
		if err != nil || len(list) == 0 {
			return false, err
		}
		found = &AttachedTo{Digest: index.Desc.Digest, Tag: tag, Referrers: list}
		return true, nil
	})
	return found, err
}
