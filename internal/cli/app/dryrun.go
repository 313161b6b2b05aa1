package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/dry"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/spf13/pflag"
	"oras.land/oras-go/v2/errdef"
)

// DryRun is the flag --dry-run: a command prints what it would do and changes nothing.
type DryRun bool

// AddFlag adds the flag.
func (d *DryRun) AddFlag(fs *pflag.FlagSet) {
	fs.BoolVar((*bool)(d), "dry-run", false, "show what would be done, without doing it")
}

// Verb returns did, or "would DO" in a dry run.
func (d DryRun) Verb(did, do string) string {
	if d {
		return "would " + do
	}
	return did
}

// Open opens a target for writing. In a dry run, the target accepts every write and discards it, and a layout need not exist.
func (d DryRun) Open(ctx context.Context, a *App, l *Login, ref registry.Reference) (*Target, error) {
	if !d {
		return a.OpenSide(ctx, l, ref, registry.Write)
	}
	t, err := d.OpenExisting(ctx, a, l, ref)
	if !ref.IsPath() || !errors.Is(err, errdef.ErrNotFound) {
		return t, err
	}
	temporary, err := os.MkdirTemp("", "davit-dry-run-") // without --dry-run, the layout would be created
	if err != nil {
		return nil, err
	}
	empty := registry.Reference{Path: filepath.Join(temporary, "layout")}
	if t, err = a.OpenReference(ctx, empty, registry.Write); err != nil {
		return nil, fault.Join(err, os.RemoveAll(temporary))
	}
	return &Target{Target: &dry.Target{Target: t.Target, Temporary: temporary}, Ref: ref}, nil
}

// OpenExisting is like Open, but in a dry run it fails if the target does not exist.
func (d DryRun) OpenExisting(ctx context.Context, a *App, l *Login, ref registry.Reference) (*Target, error) {
	if !d {
		return a.OpenSide(ctx, l, ref, registry.Write)
	}
	t, err := a.OpenSide(ctx, l, ref, registry.Read)
	if err != nil {
		return nil, err
	}
	return &Target{Target: &dry.Target{Target: t.Target}, Ref: ref}, nil
}

// Dry returns the target of a dry run, or nil.
func (t *Target) Dry() *dry.Target {
	target, _ := t.Target.(*dry.Target)
	return target
}
