package carry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/places"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/errdef"
)

// severalError is the error about a SRC that is several repositories, not one artifact.
type severalError struct {
	error
	hint string
}

// Unwrap returns the error about SRC.
func (e *severalError) Unwrap() error { return e.error }

// Hint returns the command that copies all repositories.
func (e *severalError) Hint() string { return e.hint }

// pointToAllRepos adds the command that copies all repositories to an error about a SRC that is not an artifact, but has several in
// it: a layout, an archive, a directory of layouts, or the beginning of the names of several repositories.
func (o copyOptions) pointToAllRepos(ctx context.Context, a *app.App, from registry.Reference, err error) error {
	isNoArtifact := errors.Is(err, errdef.ErrNotFound) || errors.Is(err, errdef.ErrInvalidReference)
	if !isNoArtifact || from.Reference() != "" || from.Registry == "docker.io" || o.version.IsSet() {
		return err
	}
	ctx, cancel := fetch.ForHint(ctx)
	defer cancel()
	all, listErr := places.Repositories(ctx, a, &a.Logins.From, from.String())
	isItself := func(one places.Repository) bool { return one.Reference == from.String() }
	if listErr != nil || len(all) == 0 || slices.ContainsFunc(all, isItself) {
		return err
	}
	what := "all repositories in it"
	if !from.IsPath() || from.InLayout() != "" {
		what = "the repositories below it"
	}
	return &severalError{err, fmt.Sprintf("\"%s\" copies %s", o.allReposCommand(from.String(), o.dst), what)}
}

// checkAllTags refuses to copy the tags of several repositories in a layout or archive into one repository, where equal tags would replace
// one another.
func (o copyOptions) checkAllTags(ctx context.Context, src *app.Target, dst registry.Reference) error {
	several, ok := src.Target.(interface {
		Repositories(ctx context.Context) (names []string, nameless bool, err error)
	})
	if !ok || !o.allTags || src.Ref.InLayout() != "" || dst.IsPath() {
		return nil
	}
	names, _, err := several.Repositories(ctx)
	if err != nil || len(names) < 2 {
		return err
	}
	return &exit.UsageError{Err: fmt.Errorf("%s has %d repositories, and %s is one", src.Ref, len(names), dst.Name()),
		Hint: o.allReposCommand(src.Ref.String(), dst.String())}
}

// noteOthers counts the other tagged artifacts of a layout or archive of which only the implied tag was copied, for a note.
func (o copyOptions) noteOthers(ctx context.Context, a *app.App, src *app.Target) {
	several, ok := src.Target.(interface {
		FullTags(ctx context.Context) ([]string, error)
	})
	if !ok || a.Quiet {
		return
	}
	copied, err := src.Resolve(ctx, src.Ref.Reference())
	if err != nil {
		return
	}
	all, _ := several.FullTags(ctx) // without a list, there is no note
	others, repositories := map[digest.Digest]bool{}, map[string]bool{}
	for _, name := range all {
		at := strings.LastIndexByte(name, ':') + 1
		repository := strings.TrimSuffix(name[:at], ":")
		if of := src.Ref.InLayout(); manifest.IsMachineTag(name[at:]) || of != "" && of != repository {
			continue
		}
		repositories[repository] = true
		if desc, err := src.Resolve(ctx, name); err == nil && desc.Digest != copied.Digest {
			others[desc.Digest] = true
		}
	}
	if len(others) == 0 {
		return
	}
	from := src.Ref
	from.Tag, from.Digest = "", ""
	flag, what := "--all-tags", "every tag"
	if len(repositories) > 1 {
		flag, what = "--all-repos", fmt.Sprintf("all %d repositories", len(repositories))
	}
	is := "are"
	if len(others) == 1 {
		is = "is"
	}
	a.Note("%s %s not copied; \"%s\" copies %s", term.Plural(len(others), "other artifact"), is, o.allCommand(flag, from.String(), o.dst), what)
}

// allReposCommand returns the command that copies all repositories of a place.
func (o copyOptions) allReposCommand(from, to string) string {
	return o.allCommand("--all-repos", from, to)
}

// allCommand returns the command that copies all that flag stands for.
func (o copyOptions) allCommand(flag, from, to string) string {
	if dst, err := registry.Parse(to); err == nil { // without the tag, since many are copied
		to = dst.Name()
	}
	words := []string{"davit", "copy", flag, from, to}
	if o.referrers {
		words = append(words, "--referrers")
	}
	return shell.Command(words...)
}
