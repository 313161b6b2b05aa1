package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/fetch"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/pflag"
	"oras.land/oras-go/v2/errdef"
)

// IfAbsent is the flag --if-absent: it keeps existing tags from moving to another manifest.
type IfAbsent bool

// AddFlag adds the flag.
func (f *IfAbsent) AddFlag(fs *pflag.FlagSet) {
	fs.BoolVar((*bool)(f), "if-absent", false, "do not move the tag of the target, or one that is a full version, if it exists with another digest: exit 1 (two pushes at once can both succeed)")
}

// Guard returns a guard of the tags, or nil without the flag.
func (f IfAbsent) Guard(t *Target, tags ...string) *Guard {
	if !f {
		return nil
	}
	return &Guard{target: t, tags: UniqueTags("", tags), hint: "choose another tag, or leave out --if-absent to move this one"}
}

// Guard keeps tags from moving to another manifest. A nil Guard protects no tags.
type Guard struct {
	target *Target // nil: the target does not exist, so it has no tags
	tags   []string
	hint   string
	from   string // repository of the tags in a layout; empty: the one in the target's reference
}

// OfRepository makes the guard look up the tags of this repository in a layout with several.
func (g *Guard) OfRepository(name string) *Guard {
	if g != nil {
		g.from = name
	}
	return g
}

// resolve finds the manifest of a guarded tag.
func (g *Guard) resolve(ctx context.Context, tag string) (ocispec.Descriptor, error) {
	if several, ok := g.target.Target.(severalRepositories); ok && g.from != "" {
		desc, err := several.ResolveFrom(ctx, g.from, tag)
		if !errors.Is(err, errdef.ErrUnsupported) {
			return desc, err
		}
	}
	return g.target.Resolve(ctx, tag)
}

// severalRepositories is a layout or archive, where the same tag may belong to several repositories.
type severalRepositories interface {
	ResolveFrom(ctx context.Context, repository, tag string) (ocispec.Descriptor, error)
}

// Immutable returns a guard of the tags that a declaration marks as immutable.
func Immutable(t *Target, tags ...string) *Guard {
	return &Guard{target: t, tags: UniqueTags("", tags), hint: "choose another tag or version: davit.yaml says immutable: true"}
}

// Check returns an exit.NegativeError if one of the tags exists and refers to a manifest other than desc.
func (g *Guard) Check(ctx context.Context, desc ocispec.Descriptor) error {
	if g == nil || g.target == nil {
		return nil
	}
	for _, tag := range g.tags {
		old, err := g.resolve(ctx, tag)
		switch {
		case errors.Is(err, errdef.ErrNotFound) || errors.Is(err, errdef.ErrInvalidReference) || fetch.IsDenied(err):
			continue // some registries deny access to a missing tag; in a layout, a tag of several repositories is ambiguous
		case err != nil:
			return err
		case old.Digest != desc.Digest:
			ref := g.target.Ref
			ref.Tag, ref.Digest = tag[strings.LastIndexByte(tag, ':')+1:], ""
			return &exit.NegativeError{Err: &artifact.Error{Op: "tagging", Item: ref.String(),
				Err: fmt.Errorf("exists already: %s", old.Digest), Hint: g.hint}}
		}
	}
	return nil
}

// IsTaken reports whether one of the tags exists. If so, callers compare digests before they upload anything.
func (g *Guard) IsTaken(ctx context.Context) bool {
	if g == nil || g.target == nil {
		return false
	}
	for _, tag := range g.tags {
		if _, err := g.resolve(ctx, tag); err == nil {
			return true
		}
	}
	return false
}

// Then returns the function to call right before tags move: it checks the tags before and after it calls next, or once if next is nil.
func (g *Guard) Then(next func(context.Context, ocispec.Descriptor) error) func(context.Context, ocispec.Descriptor) error {
	if g == nil {
		return next
	}
	return func(ctx context.Context, desc ocispec.Descriptor) error {
		if next != nil {
			if err := g.Check(ctx, desc); err != nil {
				return err
			}
			if err := next(ctx, desc); err != nil {
				return err
			}
		}
		return g.Check(ctx, desc)
	}
}
