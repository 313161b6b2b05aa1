package registry

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/versions"
	"oras.land/oras-go/v2/registry"
)

// TagOptions choose tags of a target. The zero value chooses all tags except those of the referrers tag schema and cosign,
// sorted by name.
type TagOptions struct {
	Match     string // a pattern of [path.Match]; empty means every tag
	All       bool   // also the tags of the referrers tag schema and cosign
	ByVersion bool   // sort by version, the newest first
	Limit     int    // 0 means no limit
}

// Tags returns tags of a target. It fails with artifact.ErrInvalid if the pattern is invalid, and with artifact.ErrRefused if the
// target has more than a million tags. Errors of registries are a *[Denied], *[Missing], or *[Unavailable].
func Tags(ctx context.Context, src registry.TagLister, opts TagOptions) ([]string, error) {
	if _, err := path.Match(opts.Match, ""); err != nil {
		return nil, spec.Invalid(fmt.Errorf("pattern %q: %w", opts.Match, err))
	}
	tags, err := fetch.ListTags(ctx, src)
	if err != nil {
		return nil, err
	}
	tags = slices.DeleteFunc(tags, func(tag string) bool {
		if !opts.All && manifest.IsMachineTag(tag) {
			return true
		}
		matches, _ := path.Match(opts.Match, tag)
		return opts.Match != "" && !matches
	})
	slices.Sort(tags)
	if opts.ByVersion {
		lists.Sort(tags, func(a, b string) int { return versions.Compare(b, a) })
	}
	if opts.Limit > 0 && len(tags) > opts.Limit {
		tags = tags[:opts.Limit]
	}
	return tags, nil
}
