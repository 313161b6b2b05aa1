package serve

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// layout is what can be served: an image layout in a directory or an archive. Its Resolve finds any blob by its digest.
type layout interface {
	registry.Target
	// OpenBlob opens what is stored under a digest.
	OpenBlob(d digest.Digest) (io.ReadSeekCloser, error)
	// Names are the names that the index lists manifests under: tags, and full names that end in one.
	Names(ctx context.Context) ([]string, error)
}

// writableLayout is a layout that blobs can be written to piece by piece, and that takes full names besides tags.
type writableLayout interface {
	layout
	NewBlob(ctx context.Context) (registry.BlobWriter, error)
	TagName(ctx context.Context, desc ocispec.Descriptor, name string) error
}

// repository is a layout under one of its names.
type repository struct {
	layout
	name string
	home string // the layout's own name: what is pushed to that is tagged without a name
}

// tags lists the tags that this repository has.
func (r *repository) tags(ctx context.Context) ([]string, error) {
	names, err := r.Names(ctx)
	if err != nil {
		return nil, err
	}
	var tags []string
	for _, name := range names {
		if repo, tag := splitName(name); tag != "" && (repo == "" || repo == r.name) {
			tags = append(tags, tag)
		}
	}
	return sortedSet(tags), nil
}

// nameOf finds what the layout calls a tag of this repository: by a name that has the repository in it, else by the
// tag itself, which is the same in every repository.
func (r *repository) nameOf(ctx context.Context, tag string) (string, error) {
	names, err := r.Names(ctx)
	if err != nil {
		return "", err
	}
	found := ""
	for _, name := range names {
		if repo, t := splitName(name); t == tag && (repo == r.name || repo == "" && found == "") {
			found = name
		}
	}
	if found == "" {
		return "", fmt.Errorf("tag %q: %w", tag, errdef.ErrNotFound)
	}
	return found, nil
}

// newName is what a tag that is pushed to this repository is called: as it is called already, unless that is the same
// in every repository.
func (r *repository) newName(ctx context.Context, tag string) (string, error) {
	name, err := r.nameOf(ctx, tag)
	switch {
	case err != nil && !errors.Is(err, errdef.ErrNotFound):
		return "", err
	case err == nil && name != tag:
		return name, nil
	case r.name == r.home:
		return tag, nil
	}
	return r.name + ":" + tag, nil
}

// has tells whether a blob is there.
func (r *repository) has(ctx context.Context, d digest.Digest) (bool, error) {
	_, err := r.Resolve(ctx, d.String())
	if errors.Is(err, errdef.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
