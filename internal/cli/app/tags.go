package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/textdist"
	"oras.land/oras-go/v2/errdef"
)

// ListTags returns the tags that people made, sorted: without the tags of the referrers tag schema and of cosign.
func (t *Target) ListTags(ctx context.Context) ([]string, error) {
	return registry.Tags(ctx, t, registry.TagOptions{})
}

// ListAllTags returns all tags, sorted.
func (t *Target) ListAllTags(ctx context.Context) ([]string, error) {
	return registry.Tags(ctx, t, registry.TagOptions{All: true})
}

// UniqueTags returns first and more tags, without empty ones, each once.
func UniqueTags(first string, more ...[]string) []string {
	return lists.Unique(slices.Concat(append([][]string{{first}}, more...)...))
}

// CheckTags returns an error if a tag is invalid.
func CheckTags(tags []string) error {
	for _, tag := range tags {
		if err := registry.ValidateTag(tag); err != nil {
			return &exit.UsageError{Err: err}
		}
	}
	return nil
}

// notFoundError is a tag or digest that the target does not have.
type notFoundError struct {
	ref  registry.Reference
	tags []string // some of those that exist
	said string   // the message of the registry
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

// missing returns the error about a reference that does not exist, with tags that do. The registry's own words are in its answer to
// the request for the manifest or, if it has none for that, to that for the tags: there is no such repository.
func (t *Target) missing(ctx context.Context, err error) *notFoundError {
	e := &notFoundError{ref: t.Ref, said: wordsOf(err)}
	if t.Ref.Digest != "" {
		return e
	}
	some, err := fetch.SomeTags(ctx, t)
	if e.said == "" {
		e.said = wordsOf(err)
	}
	var known *artifact.Error
	switch {
	case err == nil:
		e.hint = "it has no tags"
	case errors.As(err, &known):
		e.hint = known.Hint
	}
	e.tags = slices.DeleteFunc(some, manifest.IsMachineTag)
	slices.Sort(e.tags)
	if near := textdist.Closest(t.Ref.Tag, e.tags); near != "" && len(e.tags) > 8 {
		e.tags = []string{near}
	}
	return e
}

// hintAtRepositories returns an error about tags, with a hint if the registry does not have the repository. Docker Hub lists none.
func (t *Target) hintAtRepositories(err error) error {
	var missing *registry.Missing
	if !errors.As(err, &missing) || t.Ref.IsPath() || t.Ref.Registry == "docker.io" {
		return err
	}
	return &artifact.Error{Err: err, Hint: fmt.Sprintf("\"%s\" lists the repositories", shell.Command("davit", "repos", t.Ref.Registry))}
}

// wordsOf returns the message of a registry about a missing object, or "".
func wordsOf(err error) string {
	var missing *registry.Missing
	if !errors.As(err, &missing) {
		return ""
	}
	return missing.Words()
}
