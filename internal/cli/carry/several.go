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
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/shell"
	"oras.land/oras-go/v2/errdef"
)

// severalError is the error about a SRC that has several artifacts, and is not one.
type severalError struct {
	error
	hint    string
	allTags bool // SRC is one repository
}

// Unwrap returns the error about SRC.
func (e *severalError) Unwrap() error { return e.error }

// Hint returns the command that copies all artifacts.
func (e *severalError) Hint() string { return e.hint }

// pointToAll adds the command that copies everything to an error about a SRC that is not an artifact, but has several in it: a layout, an
// archive, a directory of layouts, the beginning of the names of several repositories, or a repository without the tag latest.
func (o *copyOptions) pointToAll(ctx context.Context, a *app.App, from registry.Reference, err error) error {
	isNoArtifact := errors.Is(err, errdef.ErrNotFound) || errors.Is(err, errdef.ErrInvalidReference)
	if !isNoArtifact || from.Reference() != "" || from.Registry == "docker.io" || o.version.IsSet() {
		return err
	}
	ctx, cancel := fetch.ForHint(ctx)
	defer cancel()
	all, listErr := places.Repositories(ctx, a, &a.Logins.From, from.String())
	isItself := func(one places.Repository) bool { return one.Reference == from.String() }
	switch {
	case listErr != nil || len(all) == 0:
		return err
	case slices.ContainsFunc(all, isItself):
		if o.allTags || o.platform != "" {
			return err
		}
		hints := append(exit.Hints(err), fmt.Sprintf("\"%s\" copies all tags", o.allCommand("--all-tags", o.dst, from.String())))
		return &severalError{err, strings.Join(hints, "\n"), true}
	}
	what := "all repositories in it"
	if !from.IsPath() || from.InLayout() != "" {
		what = "the repositories below it"
	}
	return &severalError{err, fmt.Sprintf("\"%s\" copies %s", o.allCommand("--all-repos", o.dst, from.String()), what), false}
}

// severalSources are sources of a copy that have several artifacts each.
type severalSources struct {
	names    []string
	hasPlace bool // one of them is more than one repository
}

// add adds a source if its error is that it has several artifacts.
func (s *severalSources) add(from registry.Reference, err error) {
	var several *severalError
	if errors.As(err, &several) {
		s.names = append(s.names, from.String())
		s.hasPlace = s.hasPlace || !several.allTags
	}
}

// hint returns the command that copies all artifacts of the sources.
func (s *severalSources) hint(o *copyOptions) string {
	flag, what := "--all-tags", "all tags"
	if s.hasPlace {
		flag, what = "--all-repos", "all repositories in them"
	}
	return fmt.Sprintf("\"%s\" copies %s", o.allCommand(flag, o.dst, lists.Unique(s.names)...), what)
}

// checkAllTags refuses to copy the tags of several repositories in a layout or archive into one repository, where equal tags would replace
// one another.
func (o *copyOptions) checkAllTags(ctx context.Context, src *app.Target, dst registry.Reference) error {
	if !o.allTags || dst.IsPath() {
		return nil
	}
	n, err := countRepositories(ctx, src)
	if err != nil || n < 2 {
		return err
	}
	return &exit.UsageError{Err: fmt.Errorf("%s has %d repositories, and %s is one", src.Ref, n, dst.Name()),
		Hint: o.allCommand("--all-repos", dst.String(), src.Ref.String())}
}

// countRepositories returns the number of repositories in a layout or archive, or 0 if the source names one repository.
func countRepositories(ctx context.Context, src *app.Target) (int, error) {
	several, ok := src.Target.(interface {
		Repositories(ctx context.Context) (names []string, nameless bool, err error)
	})
	if !ok || src.Ref.InLayout() != "" {
		return 0, nil
	}
	names, _, err := several.Repositories(ctx)
	return len(names), err
}

// noteOthers prints a note if a layout or archive has other artifacts than that of the implied tag, which was copied alone.
func (o *copyOptions) noteOthers(ctx context.Context, a *app.App, src *app.Target) {
	copied, err := src.Resolve(ctx, src.Ref.Reference())
	tags, listErr := src.ListTags(ctx)
	repositories, countErr := countRepositories(ctx, src)
	if err != nil || listErr != nil || countErr != nil {
		return // without lists, there is no note
	}
	flag, of := "--all-repos", fmt.Sprintf("%d repositories", repositories)
	if repositories < 2 {
		others := 0
		for _, tag := range tags {
			if desc, err := src.Resolve(ctx, tag); err == nil && desc.Digest != copied.Digest {
				others++
			}
		}
		if others == 0 {
			return
		}
		flag, of = "--all-tags", fmt.Sprintf("%d tags", len(tags))
	}
	from := src.Ref
	from.Tag = ""
	a.Note("of %s, only the tag %s is copied; \"%s\" copies all", of, src.Ref.Tag, o.allCommand(flag, o.dst, from.String()))
}

// allCommand returns the command that copies between targets with a flag such as --all-repos.
func (o *copyOptions) allCommand(flag, to string, from ...string) string {
	if dst, err := registry.Parse(to); err == nil { // without the tag, since many are copied
		to = dst.Name()
	}
	words := append(append([]string{"davit", "copy", flag}, from...), to)
	if o.referrers {
		words = append(words, "--referrers")
	}
	return shell.Command(words...)
}
