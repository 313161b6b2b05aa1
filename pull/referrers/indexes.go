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

// visitIndexesOf resolves a few of the source's tags, and calls fn for each index that lists a manifest, with the platform in the
// entry of the manifest. It stops if fn returns true or an error.
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
			continue // another artifact, or a tag that was deleted in the meantime
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

// ListIndex lists the attachments of an index that lists a manifest. Among a few of the source's tags, it chooses the first such
// index with attachments. It returns nil if it finds no such index. See List for its errors.
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
