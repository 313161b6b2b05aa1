package catalog

import (
	"context"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// UnreferencedFile is a file in a layout, or an entry of an archive, that nothing in it refers to; or, if Missing, a file
// that every layout has and this one lacks.
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
	NotOfLayout = "it belongs to no image layout"
	Lost        = "an image layout has it"
)

// Roots returns the manifests that a layout or archive lists, each once unless it is described in several ways.
func (c *Catalog) Roots(ctx context.Context) ([]ocispec.Descriptor, error) {
	all, err := c.listRoots(ctx)
	if err != nil {
		return nil, err
	}
	type claim struct {
		mediaType string
		digest    digest.Digest
		size      int64
	}
	seen := make(map[claim]bool, len(all))
	return slices.DeleteFunc(all, func(desc ocispec.Descriptor) bool {
		says := claim{desc.MediaType, desc.Digest, desc.Size}
		double := seen[says]
		seen[says] = true
		return double
	}), nil
}

// Referenced returns the digests that the index reaches; ok is false if a damaged manifest hides some of them.
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
