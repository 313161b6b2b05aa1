package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/serve/naming"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// layout is an image layout in a directory or an archive. Its Resolve finds any blob by its digest.
type layout interface {
	registry.Target
	naming.Layout
	// OpenBlob opens the blob with a digest.
	OpenBlob(d digest.Digest) (io.ReadSeekCloser, error)
	// Names returns the names of manifests in the index: tags, and full names that end with a tag.
	Names(ctx context.Context) ([]string, error)
	// ReferrersAfter calls fn for each manifest with this subject whose digest follows last, in the order of the digests.
	ReferrersAfter(ctx context.Context, subject ocispec.Descriptor, last digest.Digest, fn func(ocispec.Descriptor) error) error
}

// writableLayout is a layout that can store blobs written in chunks, and names with a repository in addition to bare tags.
type writableLayout interface {
	layout
	NewBlob(ctx context.Context) (registry.BlobWriter, error)
	TagName(ctx context.Context, desc ocispec.Descriptor, name string) error
}

// repository is a layout under one repository name.
type repository struct {
	layout
	naming.Repository // in the layout's own repository (Home), a push stores a bare tag
}

// names returns the names in the index to search for tags of this repository. Callers must skip names of other repositories. If the
// index names this repository, bare tags of manifests that only other repositories name are left out.
func (r *repository) names(ctx context.Context) ([]string, error) {
	names, err := r.Names(ctx)
	isHere := func(name string) bool { repo, _ := naming.Split(name); return repo == r.Name }
	if err != nil || r.Name == r.Home || !slices.ContainsFunc(names, isHere) {
		return names, err
	}
	entries, err := r.Entries(ctx)
	names = nil
	for _, e := range entries {
		full := e.FullNames()
		names = append(names, full...)
		if tag := e.Tag(); tag != "" && (len(full) == 0 || slices.ContainsFunc(full, isHere)) {
			names = append(names, tag)
		}
	}
	return names, err
}

// listTags lists the tags that this repository has.
func (r *repository) listTags(ctx context.Context) ([]string, error) {
	names, err := r.names(ctx)
	if err != nil {
		return nil, err
	}
	var tags []string
	for _, name := range names {
		if repo, tag := naming.Split(name); tag != "" && (repo == "" || repo == r.Name) {
			tags = append(tags, tag)
		}
	}
	return sortUnique(tags), nil
}

// nameOf returns the name of a tag in the layout: one with this repository, or else only the tag, which all repositories share.
func (r *repository) nameOf(ctx context.Context, tag string) (string, error) {
	names, err := r.names(ctx)
	if err != nil {
		return "", err
	}
	found := ""
	for _, name := range names {
		if repo, t := naming.Split(name); t == tag && (repo == r.Name || repo == "" && found == "") {
			found = name
		}
	}
	if found == "" {
		return "", fmt.Errorf("tag %q: %w", tag, errdef.ErrNotFound)
	}
	return found, nil
}

// ownName is like nameOf, for a tag to remove. It fails if only other repositories have the tag.
func (r *repository) ownName(ctx context.Context, tag string) (string, error) {
	name, err := r.nameOf(ctx, tag)
	resolver, ok := r.layout.(interface {
		ResolveFrom(ctx context.Context, repository, tag string) (ocispec.Descriptor, error)
	})
	if err != nil || name != tag || r.Name == r.Home || !ok {
		return name, err
	}
	_, err = resolver.ResolveFrom(ctx, r.Name, tag)
	return name, err
}

// newName returns the name for a tag pushed to this repository. It is the existing name, unless all repositories share it.
func (r *repository) newName(ctx context.Context, tag string) (string, error) {
	name, err := r.nameOf(ctx, tag)
	switch {
	case err != nil && !errors.Is(err, errdef.ErrNotFound):
		return "", err
	case err == nil && name != tag:
		return name, nil
	case r.Name == r.Home:
		return tag, nil
	}
	return r.Name + ":" + tag, nil
}

// has reports whether a blob exists.
func (r *repository) has(ctx context.Context, d digest.Digest) (bool, error) {
	_, err := r.Resolve(ctx, d.String())
	if errors.Is(err, errdef.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// sortUnique sorts a list and drops duplicates. The result is never nil, so that it encodes as [], not null.
func sortUnique(list []string) []string {
	return append([]string{}, lists.SortUnique(list)...)
}
