package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// Repositories lists the repositories in the full names of the index, sorted, with their hosts. nameless reports whether there are
// tags without a repository, or only manifests without names.
func (c *Catalog) Repositories(ctx context.Context) (names []string, nameless bool, err error) {
	err = c.Store.Index(ctx, func(ix *index.Index) error { names, nameless = ix.Repositories(); return nil })
	return names, nameless, err
}

// TagsOf lists the tags of a repository, sorted. They come from full names.
func (c *Catalog) TagsOf(ctx context.Context, repository string) (tags []string, err error) {
	err = c.Store.Index(ctx, func(ix *index.Index) error { tags = ix.TagsOf(repository); return nil })
	return tags, err
}

// ResolveFrom returns the manifest with a tag in a repository: by the full name, or by the bare tag if its entry names no
// repository. It fails with errdef.ErrNotFound if no entry matches.
func (c *Catalog) ResolveFrom(ctx context.Context, repository, tag string) (desc ocispec.Descriptor, err error) {
	err = c.Store.Index(ctx, func(ix *index.Index) error {
		e, ok := ix.FindOf(repository, tag)
		if desc = e.Descriptor(); !ok {
			return fmt.Errorf("%s: %q: %w", c.Path, repository+":"+tag, errdef.ErrNotFound)
		}
		return nil
	})
	return desc, err
}

// RepositoryOf returns the repository, with its host, in which a manifest has the tag or name ref, or "" if it is not known.
func (c *Catalog) RepositoryOf(ctx context.Context, d digest.Digest, ref string) (repository string, err error) {
	err = c.Store.Index(ctx, func(ix *index.Index) error { repository = ix.RepositoryOf(d, ref); return nil })
	return repository, err
}

// FullTags lists the names of all entries, sorted and without duplicates. A name includes its repository if that is known.
func (c *Catalog) FullTags(ctx context.Context) (all []string, err error) {
	err = c.Store.Index(ctx, func(ix *index.Index) error { all = ix.FullTags(); return nil })
	return all, err
}

// listRoots returns the listed manifests.
func (c *Catalog) listRoots(ctx context.Context) (roots []ocispec.Descriptor, err error) {
	err = c.Store.Index(ctx, func(ix *index.Index) error { roots = ix.Roots(); return nil })
	return roots, err
}

// CheckLayoutFile fails with artifact.ErrRefused if data is not an oci-layout of the supported version.
func CheckLayoutFile(path string, data []byte) error {
	var file ocispec.ImageLayout
	err := json.Unmarshal(data, &file)
	if err == nil && file.Version != ocispec.ImageLayoutVersion {
		err = errors.New("unsupported version, want " + ocispec.ImageLayoutVersion)
	}
	if err != nil {
		return artifact.Refused(path, "%s: %w", ocispec.ImageLayoutFile, err)
	}
	return nil
}

// OpenError returns the error for a path that can't be opened as a layout or archive. It is an errdef.ErrInvalidReference.
func OpenError(name string, err error, hint string) error {
	return &artifact.Error{Op: "opening", Item: name, Err: reference.Invalid(err, errdef.ErrInvalidReference), Hint: hint}
}

// ErrNoLayout reports a directory or archive that is not a layout.
var ErrNoLayout = errors.New("not an OCI image layout: no " + ocispec.ImageIndexFile)
