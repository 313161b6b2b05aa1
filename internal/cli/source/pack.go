package source

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/pack"
)

// DefaultTag returns the tag of an artifact if the target has none: the tag of its kind, else that of its version, else app.DefaultTag.
func (s *Source) DefaultTag() string {
	return cmp.Or(s.Plan.Kind.Tag, s.VersionTag(), app.DefaultTag)
}

// PackOptions returns the options for packing the source. The caller must call done after packing: it closes the base.
func (s *Source) PackOptions(ctx context.Context, a *app.App) (opts pack.Options, done func(), err error) {
	opts = pack.Options{Created: s.Spec.Created, Concurrency: a.Registry.Concurrency, Cache: a.Cache()}
	if s.Plan.Base == "" {
		return opts, func() {}, nil
	}
	ref, err := s.Reference(s.Plan.Base)
	if err != nil {
		return opts, nil, err
	}
	// Not OpenReference: an untrusted declaration must not choose where the password goes.
	base, err := a.OpenAssigned(ctx, &app.Login{}, ref, registry.Read)
	if err != nil {
		return opts, nil, err
	}
	done = func() { _ = base.Close(ctx, nil) } // it was only read
	desc, err := base.Find(ctx)
	if err != nil {
		done()
		return opts, nil, fmt.Errorf("base: %w", err)
	}
	opts.Base = &pack.Base{Source: base, Descriptor: desc}
	return opts, done, nil
}

// Reference parses a target that the declaration names; a path is relative to the declaration.
func (s *Source) Reference(text string) (registry.Reference, error) {
	ref, err := registry.Parse(text)
	if err == nil && strings.HasPrefix(ref.Path, ".") {
		ref.Path = filepath.Join(s.Dir, ref.Path)
	}
	return ref, err
}
