package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// Tag adds a tag to an existing manifest, which keeps its other tags. If ref is the digest of desc, Tag only lists the manifest.
func (l *Layout) Tag(ctx context.Context, desc ocispec.Descriptor, ref string) error {
	if ref == desc.Digest.String() {
		_, err := l.enlist(ctx, desc)
		return err
	}
	if err := reference.CheckName(ref); err != nil {
		return reference.Error(ref, err)
	}
	return l.TagName(ctx, desc, ref)
}

// TagFrom is like Tag, but moves only the tag of one repository, HOST/REPO, not the same tag of other repositories.
func (l *Layout) TagFrom(ctx context.Context, desc ocispec.Descriptor, repository, tag string) error {
	links, err := l.enlist(ctx, desc)
	if err != nil {
		return err
	}
	return l.change(ctx, index.TaggingFrom(catalog.ListEntry(desc, links), repository, tag))
}

// TagName is like Tag, but also accepts full names, such as charts/web:1.0.
func (l *Layout) TagName(ctx context.Context, desc ocispec.Descriptor, name string) error {
	links, err := l.enlist(ctx, desc)
	if err != nil {
		return err
	}
	return l.change(ctx, index.Tagging(catalog.ListEntry(desc, links), name))
}

// change adds a change to the batch or, without a batch, writes it at once.
func (l *Layout) change(ctx context.Context, c index.Change) error {
	if deferred, err := l.deferChange(ctx, c); deferred || err != nil {
		return err
	}
	return l.edit(ctx, c)
}

// enlist adds a stored manifest to the index, unless it is listed already, and returns its links.
func (l *Layout) enlist(ctx context.Context, desc ocispec.Descriptor) (*catalog.Links, error) {
	if err := l.prepare(ctx); err != nil {
		return nil, err
	}
	links, err := catalog.LinksOf(l.Catalog, desc)
	if err != nil {
		return nil, err
	}
	if err := l.list(ctx, desc, links); err != nil {
		return nil, err
	}
	l.forgetStored(desc, links)
	return links, nil
}

// Untag removes a tag. The manifest stays listed. It fails with errdef.ErrNotFound if there is no such tag.
func (l *Layout) Untag(ctx context.Context, ref string) error {
	if err := catalog.CheckUntag(ref); err != nil {
		return err
	}
	if err := l.prepare(ctx); err != nil {
		return err
	}
	err := l.edit(ctx, index.Untagging(ref))
	if errors.Is(err, errdef.ErrNotFound) || errors.Is(err, errdef.ErrInvalidReference) {
		return catalog.AddPath(l.Path, err)
	}
	return err
}

// Delete removes a manifest with its tags, and the blobs that no other manifest needs. If desc is not listed itself, Delete fails
// with errdef.ErrUnsupported if a listed manifest needs it.
func (l *Layout) Delete(ctx context.Context, desc ocispec.Descriptor) error {
	if err := files.CheckDescriptor(desc); err != nil {
		return err
	}
	if err := l.prepare(ctx); err != nil {
		return err
	}
	_, missing := l.root.Lstat(catalog.BlobName(desc.Digest))
	listed := false
	err := l.index(ctx, func(ix *index.Index) error { _, listed = ix.Lists(desc.Digest); return nil })
	if err != nil {
		return err
	}
	switch {
	case missing != nil && !errors.Is(missing, fs.ErrNotExist):
		return missing
	case missing != nil && !listed:
		return fmt.Errorf("%s: %w", catalog.BlobLabel(l.Catalog, desc.Digest), errdef.ErrNotFound)
	}
	if !listed {
		if err := catalog.CheckUnneeded(ctx, l.Catalog, desc); err != nil {
			return err
		}
	}
	all := l.closure(ctx, desc)
	if err := l.edit(ctx, index.Removal(desc.Digest)); err != nil {
		return err
	}
	return l.collect(ctx, collection{some: all, before: time.Now().Add(-files.Stale), deleted: []digest.Digest{desc.Digest}})
}

// closure returns the digests of a manifest and of all content reachable from it, except below manifests that can't be read.
func (l *Layout) closure(ctx context.Context, desc ocispec.Descriptor) map[digest.Digest]bool {
	all := map[digest.Digest]bool{desc.Digest: true}
	if !manifest.Is(desc.MediaType) {
		return all
	}
	_ = catalog.Walk(ctx, l.Catalog, []ocispec.Descriptor{desc}, func(node ocispec.Descriptor, links *catalog.Links, err error) error {
		all[node.Digest] = true
		if err == nil {
			for _, b := range links.Blobs {
				all[b.Digest] = true
			}
		}
		return nil
	})
	return all
}
