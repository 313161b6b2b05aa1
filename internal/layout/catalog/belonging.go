package catalog

import (
	"context"

	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Entries returns the entries of the index.
func (c *Catalog) Entries(ctx context.Context) (entries []index.Entry, err error) {
	err = c.Store.Index(ctx, func(ix *index.Index) error { entries = ix.Entries(); return nil })
	return entries, err
}

// Belonging returns the digests of manifests with those that belong to them: the manifests in them if they are indexes, and
// the attachments of all these, which have no names of their own.
func (c *Catalog) Belonging(ctx context.Context, roots []ocispec.Descriptor) (map[digest.Digest]bool, error) {
	found := map[digest.Digest]bool{}
	err := c.Store.Index(ctx, func(ix *index.Index) error {
		for len(roots) > 0 {
			var attached []ocispec.Descriptor
			err := walkUnseen(ctx, c, walk{roots, found}, func(node ocispec.Descriptor, _ *Links, _ error) error {
				list, err := c.findReferrers(ctx, ix, node.Digest)
				attached = append(attached, list...)
				return err
			})
			if err != nil {
				return err
			}
			roots = attached
		}
		return nil
	})
	return found, err
}
