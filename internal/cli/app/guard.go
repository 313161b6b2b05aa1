package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/fetch"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/pflag"
	"oras.land/oras-go/v2/errdef"
)

// IfAbsent is the flag that keeps a tag where it is.
type IfAbsent bool

// AddFlag adds the flag.
func (f *IfAbsent) AddFlag(fs *pflag.FlagSet) {
	fs.BoolVar((*bool)(f), "if-absent", false, "do not move a tag that exists with another digest: exit 1")
}

// Guard returns a function to call right before tags move to a manifest, which calls next. If the flag is set, it refuses to
// take the tags away from another manifest.
func (f IfAbsent) Guard(t *Target, tags []string, next func(context.Context, ocispec.Descriptor) error) func(context.Context, ocispec.Descriptor) error {
	if !f {
		return next
	}
	return func(ctx context.Context, desc ocispec.Descriptor) error {
		for _, tag := range tags {
			old, err := t.Resolve(ctx, tag)
			switch {
			case errors.Is(err, errdef.ErrNotFound) || fetch.IsDenied(err):
				continue // some registries deny a tag that does not exist
			case err != nil:
				return err
			case old.Digest != desc.Digest:
				ref := t.Ref
				ref.Tag = tag
				return &exit.NoError{Err: &artifact.Error{Op: "tagging", Item: ref.String(),
					Err: fmt.Errorf("exists already: %s", old.Digest), Hint: "choose another tag, or leave out --if-absent to move this one"}}
			}
		}
		if next == nil {
			return nil
		}
		return next(ctx, desc)
	}
}
