package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/textdist"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// notFoundError is a tag or digest that the target does not have.
type notFoundError struct {
	ref  registry.Reference
	tags []string // some of those that exist
	said string   // the message of the registry, or that there is no such repository
	hint string   // without tags
}

func (e *notFoundError) Error() string {
	if e.said != "" {
		return fmt.Sprintf("%s: not found: %s", e.ref, e.said)
	}
	return fmt.Sprintf("%s: not found", e.ref)
}

func (e *notFoundError) Unwrap() error { return errdef.ErrNotFound }

// Hint names some of the tags that exist.
func (e *notFoundError) Hint() string {
	const most = 8
	switch tags := e.tags; {
	case len(tags) == 0:
		return e.hint
	case len(tags) > most:
		return fmt.Sprintf("\"%s\" lists the tags, among them %s", shell.Command("davit", "tags", e.ref.Name()), strings.Join(tags[:most], ", "))
	default:
		return "tags: " + strings.Join(tags, ", ")
	}
}

// missing returns the error about a reference that does not exist, with tags that do. If the registry only says that there is no such
// manifest, its answer to a request for the tags shows whether it has the repository.
func (t *Target) missing(ctx context.Context, err error) *notFoundError {
	e := &notFoundError{ref: t.Ref, said: wordsOf(err)}
	if t.Ref.IsPath() && t.Ref.Digest != "" {
		return e
	}
	if e.hint = t.hintInLayout(ctx); e.hint != "" {
		return e
	}
	some, tagsErr := fetch.SomeTags(ctx, t)
	var known *artifact.Error
	var noTags *registry.Missing
	switch {
	case errors.As(tagsErr, &noTags):
		e.hint = t.hintAtRepositories(ctx)
		if e.said == "" {
			e.said = t.noRepository(err, noTags.Answer)
		}
	case t.Ref.Digest != "":
	case tagsErr == nil && len(some) == 0: // some registries answer so for a repository that they do not have
		e.hint = cmp.Or(t.nearRepository(t.someRepositories(ctx)), "it has no tags")
	case errors.As(tagsErr, &known):
		e.hint = known.Hint
	}
	if t.Ref.Digest != "" {
		return e
	}
	e.tags = slices.DeleteFunc(some, manifest.IsMachineTag)
	slices.Sort(e.tags)
	if near := textdist.Closest(t.Ref.Tag, e.tags); near != "" && len(e.tags) > 8 {
		e.tags = []string{near}
	}
	return e
}

// noRepository returns that there is no repository, in the words of the registry. Without any, what answered may not be a registry,
// and the address of the request shows what was asked.
func (t *Target) noRepository(err error, answer registry.Answer) string {
	var missing *registry.Missing
	switch {
	case slices.ContainsFunc(answer.Errors, isAboutRepository):
		return fmt.Sprintf("there is no repository %q: %s", t.Ref.Repository, answer.Text())
	case len(answer.Errors) > 0:
		return ""
	case errors.As(err, &missing):
		return missing.Answer.String()
	}
	return answer.String()
}

func isAboutRepository(e errcode.Error) bool {
	return e.Code == errcode.ErrorCodeNameUnknown || strings.Contains(strings.ToLower(e.Message), "repository")
}

// withRepositories adds a hint to an error about the tags of a repository that a registry does not have.
func (t *Target) withRepositories(ctx context.Context, err error) error {
	var missing *registry.Missing
	if !errors.As(err, &missing) {
		return err
	}
	return &artifact.Error{Err: err, Hint: t.hintAtRepositories(ctx)}
}

// hintAtRepositories returns the hint for a repository that a registry does not have, or "" if it does not list its repositories: few
// public registries do.
func (t *Target) hintAtRepositories(ctx context.Context) string {
	names := t.someRepositories(ctx)
	if names == nil {
		return ""
	}
	return cmp.Or(t.nearRepository(names), fmt.Sprintf("\"%s\" lists the repositories", shell.Command("davit", "repos", t.Ref.Registry)))
}

// hintInLayout returns the hint for a name that a layout with several repositories does not have, or for a layout that does not
// exist, or "".
func (t *Target) hintInLayout(ctx context.Context) string {
	several, ok := t.Target.(interface {
		Repositories(ctx context.Context) (names []string, nameless bool, err error)
	})
	switch {
	case !ok || !t.Ref.IsPath():
		return ""
	case !paths.Exists(t.Ref.Path):
		return fmt.Sprintf("the layout %q does not exist", t.Ref.Path)
	}
	names, _, err := several.Repositories(ctx)
	ref, typed := t.Ref, cmp.Or(t.Ref.InLayout(), t.Ref.Tag)
	if err != nil || len(names) == 0 || slices.Contains(names, ref.InLayout()) {
		return ""
	}
	longer := slices.IndexFunc(names, func(name string) bool { return name == typed || strings.HasSuffix(name, "/"+typed) })
	near := textdist.Closest(typed, names)
	if ref.InLayout() == "" || longer >= 0 { // the tag was the name, or is not that of the repository
		ref.Tag = ""
	}
	switch {
	case longer >= 0:
		near = names[longer]
	case near == "" && len(names) == 1: // its tags are more useful
		return ""
	case near == "":
		return fmt.Sprintf("\"%s\" lists the repositories", shell.Command("davit", "repos", ref.Path))
	}
	ref.Registry, ref.Repository = "", near
	return fmt.Sprintf("did you mean %q?", ref)
}

// nearRepository returns a hint at a similar name, or "".
func (t *Target) nearRepository(names []string) string {
	near := textdist.Closest(t.Ref.Repository, names)
	if near == "" || near == t.Ref.Repository {
		return ""
	}
	ref := t.Ref
	ref.Repository = near
	return fmt.Sprintf("did you mean %q?", ref)
}

// someRepositories returns a page of the repositories of a registry, or nil if it lists none soon.
func (t *Target) someRepositories(ctx context.Context) []string {
	if t.catalog == nil || t.Ref.IsPath() || t.Ref.Registry == "docker.io" {
		return nil
	}
	ctx, cancel := fetch.ForHint(ctx)
	defer cancel()
	var names []string
	err := t.catalog(ctx, func(page []string) error {
		names = page
		return errEnough
	})
	if !errors.Is(err, errEnough) {
		return nil
	}
	return names
}

// errEnough ends a listing.
var errEnough = errors.New("enough")

// wordsOf returns the answer of a registry about a missing object, or "" if it only says that the object does not exist.
func wordsOf(err error) string {
	var missing *registry.Missing
	if !errors.As(err, &missing) {
		return ""
	}
	return missing.Words()
}
