package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/missing"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/versions"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// DefaultTag is the tag of a reference that has neither tag nor digest.
const DefaultTag = "latest"

// Target is an open target with the reference that was given for it.
type Target struct {
	registry.Target
	Ref registry.Reference

	// Locked reports whether --version prefers a tag to newer ones in its range. Nil: it prefers none.
	Locked   func(tag string) bool
	versions *versions.Range // from --version, to choose the tag; nil: the implied tag

	catalog func(ctx context.Context, fn func(names []string) error) error // lists the repositories of its registry; nil: unknown
}

// At returns the same target with another reference, without --version.
func (t *Target) At(ref registry.Reference) *Target {
	return &Target{Target: t.Target, Ref: ref, catalog: t.catalog}
}

// Tags calls fn with the tags after last, page by page. In a layout, it lists only the tags of the repository in the reference,
// if that names one.
func (t *Target) Tags(ctx context.Context, last string, fn func(tags []string) error) error {
	several, ok := t.Target.(interface {
		TagsOf(ctx context.Context, repository string) ([]string, error)
	})
	if !ok || t.Ref.InLayout() == "" || !t.Ref.IsPath() {
		return t.withRepositories(ctx, t.Target.Tags(ctx, last, fn))
	}
	tags, err := several.TagsOf(ctx, t.Ref.InLayout())
	if err != nil {
		return err
	}
	return fn(slices.DeleteFunc(tags, func(tag string) bool { return tag <= last }))
}

// Open parses a reference and opens its target.
func (a *App) Open(ctx context.Context, s string, mode registry.Mode) (*Target, error) {
	parse := registry.Parse
	if mode == registry.Read {
		parse = registry.ParseSource
	}
	ref, err := parse(s)
	if err != nil {
		return nil, err
	}
	return a.OpenReference(ctx, ref, mode)
}

// With opens the target that text refers to, and calls Finish.
func With[T any](ctx context.Context, a *App, text string, mode registry.Mode, use func(*Target) (T, error)) (T, error) {
	t, err := a.Open(ctx, text, mode)
	if err != nil {
		var none T
		return none, err
	}
	return Finish(ctx, t, use)
}

// WithExisting is like With, but the target must exist, even to write.
func WithExisting[T any](ctx context.Context, a *App, text string, mode registry.Mode, use func(*Target) (T, error)) (T, error) {
	var none T
	ref, err := registry.Parse(text)
	if err != nil {
		return none, err
	}
	t, err := a.OpenExisting(ctx, ref, mode)
	if err != nil {
		return none, err
	}
	return Finish(ctx, t, use)
}

// Finish calls use and closes the target, which writes an archive unless use failed. It returns the first error.
func Finish[T any](ctx context.Context, t *Target, use func(*Target) (T, error)) (T, error) {
	result, err := use(t)
	return result, t.Close(ctx, err)
}

// OpenReference opens a target that the command line names.
func (a *App) OpenReference(ctx context.Context, ref registry.Reference, mode registry.Mode) (*Target, error) {
	return a.OpenSide(ctx, &Login{}, ref, mode)
}

// OpenExisting opens a target that must exist, even to write.
func (a *App) OpenExisting(ctx context.Context, ref registry.Reference, mode registry.Mode) (*Target, error) {
	t, err := a.OpenReference(ctx, ref, registry.Read)
	if err != nil || mode == registry.Read {
		return t, err
	}
	if err := t.Close(ctx, nil); err != nil {
		return nil, err
	}
	return a.OpenReference(ctx, ref, mode)
}

// OpenSide opens one of the two targets of a command that has flags for each.
func (a *App) OpenSide(ctx context.Context, l *Login, ref registry.Reference, mode registry.Mode) (*Target, error) {
	if err := a.AssignLogin(l, ref); err != nil {
		return nil, err
	}
	return a.OpenAssigned(ctx, l, ref, mode)
}

// ClientFor returns the client for a registry that the command line names.
func (a *App) ClientFor(l *Login, ref registry.Reference) (*registry.Client, error) {
	if err := a.AssignLogin(l, ref); err != nil {
		return nil, err
	}
	via, err := a.connection(l)
	if err != nil {
		return nil, err
	}
	return a.client(via)
}

// OpenAssigned opens a target without assigning a login to its registry. If none was assigned before, only stored credentials are used.
func (a *App) OpenAssigned(ctx context.Context, l *Login, ref registry.Reference, mode registry.Mode) (*Target, error) {
	via, err := a.connection(l)
	if err != nil {
		return nil, err
	}
	client, err := a.client(via)
	if err != nil {
		return nil, err
	}
	ref = paths.SplitRepository(ref)
	if mode != registry.Read && ref.IsPath() && paths.NeedsRootDirectory(ref.Path) {
		first := "/" + strings.Split(ref.Path, "/")[1]
		return nil, &exit.UsageError{Err: fmt.Errorf("%s is a path, and there is no directory %s", ref, first),
			Hint: "is a variable with the registry's host set? To make a layout there: mkdir " + shell.Quote(first)}
	}
	t, err := client.Open(ctx, ref, mode)
	if err != nil {
		return nil, err
	}
	catalog := func(ctx context.Context, fn func([]string) error) error {
		return client.Repositories(ctx, ref.Registry, fn)
	}
	return &Target{Target: t, Ref: ref, catalog: catalog}, nil
}

// Find completes the reference and resolves it. Without tag and digest, it means the tag "latest", or the only artifact of a layout. The
// error for a missing artifact wraps errdef.ErrNotFound and has a hint.
func (t *Target) Find(ctx context.Context) (ocispec.Descriptor, error) {
	if err := t.Complete(ctx); err != nil {
		return ocispec.Descriptor{}, err
	}
	desc, err := t.Resolve(ctx, t.Ref.Reference())
	if errors.Is(err, errdef.ErrNotFound) {
		return desc, t.missing(ctx, err)
	}
	return desc, err
}

// Complete adds the implied tag or digest to the reference if it has neither.
func (t *Target) Complete(ctx context.Context) error {
	if t.Ref.Reference() != "" {
		return nil
	}
	choose := t.impliedTag
	if t.versions != nil {
		choose = t.chooseVersion
	}
	tag, err := choose(ctx)
	t.Ref.Tag = tag
	return err
}

// Explain replaces an error that wraps errdef.ErrNotFound by one that names the missing object: a file, the reference, or a platform.
func (t *Target) Explain(ctx context.Context, err error) error {
	var unknown *missing.NameError
	switch {
	case !errors.Is(err, errdef.ErrNotFound):
		return err
	case errors.As(err, &unknown):
		unknown.List = shell.Command("davit", "ls", t.Ref.String())
		if unknown.Text == "" {
			return &exit.MissingError{Text: fmt.Sprintf("%s: no file %q", t.Ref, unknown.Typed), Advice: unknown.Hint()}
		}
	}
	desc, findErr := t.Find(ctx)
	var absent *notFoundError
	if errors.As(findErr, &absent) && absent.said == "" {
		absent.said = wordsOf(err)
	}
	var platform *fetch.PlatformError
	switch {
	case errors.Is(findErr, errdef.ErrNotFound):
		return findErr
	case errors.As(err, &platform) && platform.Index == desc.Digest:
		return &exit.MissingError{
			Text:   fmt.Sprintf("%s has nothing for %s", t.Ref, platform.Platform),
			Advice: platform.Has(),
		}
	}
	return err
}

// impliedTag returns "latest" or, in a layout, the only tag. If a layout has no tag but exactly one artifact, it returns "" and sets the
// digest of the reference.
func (t *Target) impliedTag(ctx context.Context) (string, error) {
	if !t.Ref.IsPath() {
		return DefaultTag, nil
	}
	tags, err := t.ListTags(ctx)
	if err != nil {
		return "", err
	}
	switch len(tags) {
	case 0:
		if t.Ref.Digest, err = t.onlyDigest(ctx); t.Ref.Digest != "" || err != nil {
			return "", err
		}
	case 1:
		return tags[0], nil
	}
	return DefaultTag, nil
}

// onlyDigest returns the digest of the only artifact in a layout or archive: some tools write no tags. It is empty if there are several.
func (t *Target) onlyDigest(ctx context.Context) (digest.Digest, error) {
	lister, ok := t.Target.(interface {
		Roots(ctx context.Context) ([]ocispec.Descriptor, error)
	})
	if !ok || t.Ref.InLayout() != "" { // an artifact without a tag belongs to no repository
		return "", nil
	}
	roots, err := lister.Roots(ctx)
	if err != nil || len(roots) != 1 {
		return "", err
	}
	return roots[0].Digest, nil
}

// WithDigest returns the reference pinned to a digest, as --quiet prints it.
func WithDigest(ref registry.Reference, desc ocispec.Descriptor) string {
	ref.Digest = desc.Digest
	return ref.String()
}

// LocalPath returns the reference to a local path, even if it does not look like a path: -o oci means ./oci.
func LocalPath(s string) string {
	for _, prefix := range []string{".", "/", "~"} {
		if strings.HasPrefix(s, prefix) {
			return s
		}
	}
	return "./" + s
}
