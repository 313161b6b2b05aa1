package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

const (
	// maxNodes limits the manifests that a walk through indexes visits, and maxDepth how deeply they may be nested.
	maxNodes = 100_000
	maxDepth = 16
	// maxHeld is the largest blob that is verified in memory before its first byte is returned.
	maxHeld = 1 << 20
)

// Walk visits manifests and those nested in indexes, each once. It passes manifests that could not be read to fn.
func Walk(ctx context.Context, c *Catalog, roots []ocispec.Descriptor, fn func(ocispec.Descriptor, *Links, error) error) error {
	seen := map[digest.Digest]bool{}
	for level := 0; len(roots) > 0; level++ {
		var next []ocispec.Descriptor
		for _, node := range roots {
			if seen[node.Digest] {
				continue
			}
			seen[node.Digest] = true
			if len(seen) > maxNodes || level > maxDepth {
				return artifact.Refused(c.Path, "more than %d manifests, or indexes in each other more than %d deep", maxNodes, maxDepth)
			}
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			l, err := &Links{}, error(nil)
			if !isLeaf(node) {
				l, err = LinksOf(c, node)
			}
			if err == nil {
				next = append(next, l.Children...)
			}
			if err := fn(node, l, err); err != nil {
				return err
			}
		}
		roots = next
	}
	return nil
}

// below are the manifests in the indexes that an index.json lists, and in those.
type below struct {
	ix      *index.Index
	read    int // so many of ix.Indexes
	parents map[digest.Digest][]digest.Digest
}

// isReached reports whether a manifest is listed, by the index itself or by one below it. Each index is read once.
func isReached(ctx context.Context, c *Catalog, ix *index.Index, d digest.Digest) (bool, error) {
	if _, ok := ix.Lists(d); ok {
		return true, nil
	}
	indexes := ix.Indexes()
	c.belowMu.Lock()
	defer c.belowMu.Unlock()
	if c.below.ix != ix {
		c.below = below{ix: ix, parents: map[digest.Digest][]digest.Digest{}}
	}
	b := &c.below
	err := Walk(ctx, c, indexes[b.read:], func(node ocispec.Descriptor, l *Links, err error) error {
		if err != nil {
			return nil
		}
		for _, child := range l.Children {
			if list := b.parents[child.Digest]; len(list) == 0 || list[len(list)-1] != node.Digest {
				b.parents[child.Digest] = append(list, node.Digest)
			}
		}
		if len(b.parents) > maxNodes {
			return artifact.Refused(c.Path, "more than %d manifests in indexes", maxNodes)
		}
		return nil
	})
	if err != nil {
		b.ix = nil
		return false, err
	}
	b.read = len(indexes)
	seen := map[digest.Digest]bool{d: true}
	for queue := []digest.Digest{d}; len(queue) > 0; queue = queue[1:] {
		for _, parent := range b.parents[queue[0]] {
			if _, ok := ix.Lists(parent); ok {
				return true, nil
			}
			if !seen[parent] {
				seen[parent] = true
				queue = append(queue, parent)
			}
		}
	}
	return false, nil
}

// ListEntry returns the form of a manifest's descriptor in an index.json.
func ListEntry(desc ocispec.Descriptor, l *Links) ocispec.Descriptor {
	if l.mediaType != "" {
		desc.MediaType = l.mediaType
	}
	return ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size,
		ArtifactType: l.artifactType, Platform: desc.Platform}
}

// CheckUnneeded fails with errdef.ErrUnsupported if another listed manifest needs a blob.
func CheckUnneeded(ctx context.Context, c *Catalog, desc ocispec.Descriptor) error {
	roots, err := c.listRoots(ctx)
	if err != nil {
		return err
	}
	return Walk(ctx, c, roots, func(node ocispec.Descriptor, links *Links, err error) error {
		if err != nil {
			return nil
		}
		for _, d := range slices.Concat(links.Children, links.Blobs) {
			if d.Digest == desc.Digest {
				return &artifact.Error{Op: "deleting", Item: BlobLabel(c, desc.Digest), Err: reference.Invalid(fmt.Errorf("manifest %s needs it", node.Digest), errdef.ErrUnsupported)}
			}
		}
		return nil
	})
}
