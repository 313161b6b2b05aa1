package app

import (
	"context"
	"slices"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/lists"
)

// ListTags returns the tags that users made, sorted: without the tags of the referrers tag schema and cosign.
func (t *Target) ListTags(ctx context.Context) ([]string, error) {
	return registry.Tags(ctx, t, registry.TagOptions{})
}

// ListAllTags returns all tags, sorted.
func (t *Target) ListAllTags(ctx context.Context) ([]string, error) {
	return registry.Tags(ctx, t, registry.TagOptions{All: true})
}

// UniqueTags returns first and the tags in more, without empty and repeated ones.
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
