package registry

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// listSourceTags lists the tags of the source, and returns a function that makes a reference from a tag.
func (c *copier) listSourceTags(ctx context.Context) (tags []string, named func(tag string) string, err error) {
	named = func(tag string) string { return tag }
	if several, ok := c.src.(interface {
		TagsOf(ctx context.Context, repository string) ([]string, error)
	}); ok && c.opts.From != "" {
		named = func(tag string) string { return c.opts.From + ":" + tag }
		tags, err = several.TagsOf(ctx, c.opts.From)
	} else {
		tags, err = fetch.ListTags(ctx, c.src)
	}
	slices.Sort(tags)
	return tags, named, err
}

// from returns the name of the repository that a tag of the source belongs to, or "" if it is not known.
func (c *copier) from(ctx context.Context, desc ocispec.Descriptor, ref string) string {
	names, ok := c.src.(interface {
		RepositoryOf(ctx context.Context, d digest.Digest, ref string) (string, error)
	})
	if c.opts.From != "" || !ok {
		return c.opts.From
	}
	repository, _ := names.RepositoryOf(ctx, desc.Digest, ref) // if it is not known, tags are copied without it
	return repository
}

// tag moves the tags that do not point to the artifact yet, and reports whether any moved.
func (c *copier) tag(ctx context.Context, one *Copied, from string) (moved bool, err error) {
	for _, tag := range one.Tags {
		if names, ok := c.dst.(namer); ok && from != "" && !strings.ContainsAny(tag, "/:") && !manifest.IsCosignTag(tag) {
			changed, err := tagFrom(ctx, names, one, from, tag)
			if err == nil {
				moved = moved || changed
				continue
			}
			if !errors.Is(err, errdef.ErrUnsupported) {
				return false, err
			}
		}
		old, err := c.dst.Resolve(ctx, tag)
		exists := err == nil
		if exists && old.Digest == one.Descriptor.Digest {
			continue
		}
		if err := c.dst.Tag(ctx, one.Descriptor, tag); err != nil {
			return false, err
		}
		moved = true
		if exists {
			one.recordMove(tag, old.Digest)
		}
	}
	return moved, nil
}

// recordMove records the digest that a tag pointed to before.
func (c *Copied) recordMove(tag string, old digest.Digest) {
	if c.Was == nil {
		c.Was = map[string]digest.Digest{}
	}
	c.Was[tag] = old
}

// namer is a target that keeps the tags of several repositories.
type namer interface {
	TagFrom(ctx context.Context, desc ocispec.Descriptor, repository, tag string) error
	ResolveFrom(ctx context.Context, repository, tag string) (ocispec.Descriptor, error)
	Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error)
	NamesOf(ctx context.Context, d digest.Digest) ([]string, error)
}

// tagFrom moves a tag of the repository from, and reports whether the tag was new or pointed to another manifest.
func tagFrom(ctx context.Context, dst namer, one *Copied, from, tag string) (moved bool, err error) {
	old, err := dst.ResolveFrom(ctx, from, tag)
	if errors.Is(err, errdef.ErrUnsupported) {
		return false, err
	}
	exists := err == nil
	if moved = !exists || old.Digest != one.Descriptor.Digest; moved && exists {
		one.recordMove(tag, old.Digest)
	}
	if err := dst.TagFrom(ctx, one.Descriptor, from, tag); err != nil {
		return false, err
	}
	found, err := dst.Resolve(ctx, tag)
	if err == nil && found.Digest != one.Descriptor.Digest || err != nil && !errors.Is(err, errdef.ErrNotFound) {
		one.Repository = from // another repository has the tag
	}
	if names, _ := dst.NamesOf(ctx, one.Descriptor.Digest); isFullName(names, from+":"+tag) {
		one.Repository = from // another repository has the tag, of the same manifest
	}
	return moved, nil
}

// isFullName reports whether a manifest is stored under a full name instead of a tag: its entry then has the name twice, once
// for containerd.
func isFullName(names []string, full string) bool {
	i := slices.Index(names, full)
	return i >= 0 && slices.Contains(names[i+1:], full)
}
