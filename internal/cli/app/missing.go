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

// notFoundError reports a tag or digest that the target does not have.
type notFoundError struct {
	ref  registry.Reference
	tags []string // some of the existing tags
	said string   // message of the registry, or that the repository does not exist
	hint string   // used if tags is empty
}

// Error returns the reference, with the message of the registry.
func (e *notFoundError) Error() string {
	if e.said != "" {
		return fmt.Sprintf("%s: not found: %s", e.ref, e.said)
	}
	return fmt.Sprintf("%s: not found", e.ref)
}

// Unwrap returns errdef.ErrNotFound.
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

// missing returns the error for a reference that does not exist, with some existing tags. If the registry only answers that the
// manifest is unknown, a request for its tags shows whether the repository exists.
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
			e.said = t.describeNoRepository(err, noTags.Answer)
		}
	case t.Ref.Digest != "":
		return e
	case tagsErr == nil && len(some) == 0: // some registries send an empty list for an unknown repository
		e.hint = cmp.Or(t.nearRepository(t.someRepositories(ctx)), "it has no tags")
	case errors.As(tagsErr, &known):
		e.hint = known.Hint
	}
	e.tags = slices.DeleteFunc(some, manifest.IsMachineTag)
	slices.Sort(e.tags)
	if near := textdist.Closest(t.Ref.Tag, e.tags); near != "" && len(e.tags) > 8 {
		e.tags = []string{near}
	}
	return e
}

// describeNoRepository returns the message that a repository does not exist, in the words of the registry. An answer without errors
// in the format of the specification may not come from a registry, so the message then has the URL of the request.
func (t *Target) describeNoRepository(err error, answer registry.Answer) string {
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

// isAboutRepository reports whether an error of a registry is about the repository, not only about the manifest.
func isAboutRepository(e errcode.Error) bool {
	return e.Code == errcode.ErrorCodeNameUnknown || strings.Contains(strings.ToLower(e.Message), "repository")
}

// withRepositories adds a hint to an error about listing tags if the registry does not have the repository.
func (t *Target) withRepositories(ctx context.Context, err error) error {
	var missing *registry.Missing
	if !errors.As(err, &missing) {
		return err
	}
	return &artifact.Error{Err: err, Hint: t.hintAtRepositories(ctx)}
}

// hintAtRepositories returns the hint for a repository that does not exist. It is empty if the registry does not list its
// repositories; few public registries do.
func (t *Target) hintAtRepositories(ctx context.Context) string {
	names := t.someRepositories(ctx)
	if names == nil {
		return ""
	}
	return cmp.Or(t.nearRepository(names), fmt.Sprintf("\"%s\" lists the repositories", shell.Command("davit", "repos", t.Ref.Registry)))
}

// hintInLayout returns the hint for a layout that does not exist, or that has repositories but not the named one. Otherwise, it is empty.
func (t *Target) hintInLayout(ctx context.Context) string {
	several, ok := t.Target.(interface {
		Repositories(ctx context.Context) (names []string, nameless bool, err error)
		TagsOf(ctx context.Context, repository string) ([]string, error)
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
	switch {
	case longer >= 0:
		near = names[longer]
	case near == "" && len(names) == 1 && ref.InLayout() != "":
		near = names[0]
	case near == "" && len(names) == 1: // a hint at the tags of the only repository is more useful
		return ""
	case near == "":
		return fmt.Sprintf("\"%s\" lists the repositories", shell.Command("davit", "repos", ref.Path))
	}
	if tags, _ := several.TagsOf(ctx, near); ref.InLayout() == "" || !slices.Contains(tags, ref.Tag) { // the tag was meant as a repository, or is implied
		ref.Tag = ""
	}
	ref.Registry, ref.Repository = "", near
	return fmt.Sprintf("did you mean %q?", ref)
}

// nearRepository returns a hint at repositories below the name, or at a similar name. It is empty if there is no such name.
func (t *Target) nearRepository(names []string) string {
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, t.Ref.Repository+"/") }) {
		return fmt.Sprintf("\"%s\" lists the repositories below it", shell.Command("davit", "repos", t.Ref.Name()))
	}
	near := textdist.Closest(t.Ref.Repository, names)
	if near == "" || near == t.Ref.Repository {
		return ""
	}
	ref := t.Ref
	ref.Repository = near
	return fmt.Sprintf("did you mean %q?", ref)
}

// someRepositories returns a page of the repositories of a registry, or nil if the registry does not list them in time.
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

// errEnough ends a listing after its first page.
var errEnough = errors.New("enough")

// wordsOf returns the answer of a registry about a missing object. It is empty if the registry only says that the object
// does not exist.
func wordsOf(err error) string {
	var missing *registry.Missing
	if !errors.As(err, &missing) {
		return ""
	}
	return missing.Words()
}
