package catalog

import (
	"context"

	"github.com/davit-oci/davit/internal/lists"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// UnreferencedFile is a file in a layout, or a blob in an archive, to which nothing refers. If Missing is set, it is a required file
// that the layout lacks.
type UnreferencedFile struct {
	Path    string // slash-separated path inside the layout or archive
	Size    int64
	Problem string
	Missing bool
}

// The possible problems of an UnreferencedFile.
const (
	NoManifest  = "no manifest refers to it"
	Unfinished  = "an interrupted writer left it"
	NoDigest    = "its name is not a digest"
	NotInLayout = "it is not part of an image layout"
	Required    = "an image layout requires it"
)

// Roots returns the manifests that the index lists, without duplicates. Entries of a manifest that differ in media type or size are
// not duplicates.
func (c *Catalog) Roots(ctx context.Context) ([]ocispec.Descriptor, error) {
	all, err := c.listRoots(ctx)
	if err != nil {
		return nil, err
	}
	type key struct {
		mediaType string
		digest    digest.Digest
		size      int64
	}
	seen := make(map[key]bool, len(all))
	return lists.Delete(all, func(desc ocispec.Descriptor) bool {
		k := key{desc.MediaType, desc.Digest, desc.Size}
		duplicate := seen[k]
		seen[k] = true
		return duplicate
	}), nil
}

// Referenced returns the digests that are reachable from the index. ok is false if they can't be determined, for example because a
// manifest is damaged.
func Referenced(ctx context.Context, c *Catalog) (needed map[digest.Digest]bool, ok bool, err error) {
	roots, err := c.listRoots(ctx)
	if err != nil {
		return nil, false, err
	}
	needed, err = NeededBy(ctx, c, roots)
	if ctx.Err() != nil {
		return nil, false, context.Cause(ctx)
	}
	return needed, err == nil, nil
}
