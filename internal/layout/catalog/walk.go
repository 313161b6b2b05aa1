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
	// maxNodes limits how many manifests a walk visits, and maxDepth how deeply indexes may be nested.
	maxNodes = 100_000
	maxDepth = 16
	// maxHeld is the largest blob that is verified in memory before its first byte is returned.
	maxHeld = 1 << 20
)

// Walk calls fn once for each root and for each manifest that is nested in an index. If a manifest can't be read, fn gets the error,
// and can continue the walk by returning nil.
func Walk(ctx context.Context, c *Catalog, roots []ocispec.Descriptor, fn func(ocispec.Descriptor, *Links, error) error) error {
	return walkUnseen(ctx, c, walk{roots, map[digest.Digest]bool{}}, fn)
}

// walk begins at roots, and passes by what was seen.
type walk struct {
	roots []ocispec.Descriptor
	seen  map[digest.Digest]bool
}

// walkUnseen is like Walk for what earlier walks did not visit.
func walkUnseen(ctx context.Context, c *Catalog, w walk, fn func(ocispec.Descriptor, *Links, error) error) error {
	roots, seen := w.roots, w.seen
	for level := 0; len(roots) > 0; level++ {
		var next []ocispec.Descriptor
		for _, node := range roots {
			if seen[node.Digest] {
				continue
			}
			seen[node.Digest] = true
			if len(seen) > maxNodes || level > maxDepth {
				return artifact.Refused(c.Path, "too many manifests, or indexes nested too deeply: limits are %d and %d", maxNodes, maxDepth)
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

// parentCache holds, for the manifests nested in the indexes of an index.json, the indexes that list them.
type parentCache struct {
	ix      *index.Index
	read    int // how many of ix.Indexes have been read
	parents map[digest.Digest][]digest.Digest
}

// isReached reports whether a manifest is listed in ix, or in an index that is nested in a listed index. It reads each index once.
func isReached(ctx context.Context, c *Catalog, ix *index.Index, d digest.Digest) (bool, error) {
	if _, ok := ix.Lists(d); ok {
		return true, nil
	}
	indexes := ix.Indexes()
	c.parentsMu.Lock()
	defer c.parentsMu.Unlock()
	if c.parents.ix != ix {
		c.parents = parentCache{ix: ix, parents: map[digest.Digest][]digest.Digest{}}
	}
	cache := &c.parents
	err := Walk(ctx, c, indexes[cache.read:], func(node ocispec.Descriptor, l *Links, err error) error {
		if err != nil {
			return nil
		}
		for _, child := range l.Children {
			if list := cache.parents[child.Digest]; len(list) == 0 || list[len(list)-1] != node.Digest {
				cache.parents[child.Digest] = append(list, node.Digest)
			}
		}
		if len(cache.parents) > maxNodes {
			return artifact.Refused(c.Path, "too many manifests in indexes: limit is %d", maxNodes)
		}
		return nil
	})
	if err != nil {
		cache.ix = nil
		return false, err
	}
	cache.read = len(indexes)
	seen := map[digest.Digest]bool{d: true}
	for queue := []digest.Digest{d}; len(queue) > 0; queue = queue[1:] {
		for _, parent := range cache.parents[queue[0]] {
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

// ListEntry returns the descriptor with which a manifest is listed in index.json.
func ListEntry(desc ocispec.Descriptor, l *Links) ocispec.Descriptor {
	if l.mediaType != "" {
		desc.MediaType = l.mediaType
	}
	return ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size,
		ArtifactType: l.artifactType, Platform: desc.Platform}
}

// CheckUnneeded fails with errdef.ErrUnsupported if a listed manifest needs the content of desc.
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
