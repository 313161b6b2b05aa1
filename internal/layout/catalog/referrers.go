package catalog

import (
	"cmp"
	"context"

	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Predecessors returns all manifests whose subject is desc.
func (c *Catalog) Predecessors(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	var all []ocispec.Descriptor
	err := c.Referrers(ctx, desc, "", func(page []ocispec.Descriptor) error {
		all = append(all, page...)
		return nil
	})
	return all, err
}

// Referrers calls fn with pages of the manifests whose subject is desc, with their annotations. If artifactType is not empty, it
// lists only manifests of that type.
func (c *Catalog) Referrers(ctx context.Context, desc ocispec.Descriptor, artifactType string, fn func([]ocispec.Descriptor) error) error {
	// The annotations of a manifest may take 4 MiB, so a page has few manifests.
	page := make([]ocispec.Descriptor, 0, 16)
	err := c.ReferrersAfter(ctx, desc, "", func(entry ocispec.Descriptor) error {
		if artifactType != "" && entry.ArtifactType != artifactType {
			return nil
		}
		if page = append(page, entry); len(page) < cap(page) {
			return nil
		}
		full := page
		page = make([]ocispec.Descriptor, 0, cap(page))
		return fn(full)
	})
	if err != nil || len(page) == 0 {
		return err
	}
	return fn(page)
}

// ReferrersAfter calls fn for each manifest whose subject is desc and whose digest follows last, in the order of the digests.
func (c *Catalog) ReferrersAfter(ctx context.Context, desc ocispec.Descriptor, last digest.Digest, fn func(ocispec.Descriptor) error) error {
	var nodes []ocispec.Descriptor
	err := c.Store.Index(ctx, func(ix *index.Index) (err error) {
		nodes, err = c.findReferrers(ctx, ix, desc.Digest)
		return err
	})
	if err != nil {
		return err
	}
	for _, node := range nodes {
		if node.Digest <= last {
			continue
		}
		data, err := ManifestData(c, node)
		if err != nil {
			return err
		}
		entry, _ := manifest.ReferrerEntry(node, data)
		if err := fn(entry); err != nil {
			return err
		}
	}
	return nil
}

// subjects caches the referrers that are reachable from one version of an index, by the digest of their subject.
type subjects struct {
	ix      *index.Index
	version int
	of      map[digest.Digest][]ocispec.Descriptor
}

// findReferrers returns the manifests with a subject, sorted by digest. It searches each version of the index once, because
// copying a graph looks up the referrers of every manifest. It skips manifests that can't be read; reading them directly fails.
func (c *Catalog) findReferrers(ctx context.Context, ix *index.Index, subject digest.Digest) ([]ocispec.Descriptor, error) {
	c.mu.Lock()
	known := c.subjects
	c.mu.Unlock()
	if known.ix != ix || known.version != ix.Version() {
		known = subjects{ix, ix.Version(), map[digest.Digest][]ocispec.Descriptor{}}
		err := Walk(ctx, c, ix.Roots(), func(node ocispec.Descriptor, l *Links, err error) error {
			if err == nil && l.subject != nil {
				known.of[l.subject.Digest] = append(known.of[l.subject.Digest], plain(node))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, nodes := range known.of {
			lists.Sort(nodes, func(a, b ocispec.Descriptor) int { return cmp.Compare(a.Digest, b.Digest) })
		}
		c.mu.Lock()
		c.subjects = known
		c.mu.Unlock()
	}
	return known.of[subject], nil
}
