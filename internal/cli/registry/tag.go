package registry

import (
	"context"
	"io"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
)

func newTagCommand(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "tag TARGET TAG...",
		Short:   "Tag an artifact",
		Example: "  davit tag registry.example.com/app:1.0 latest stable\n  davit tag ./oci@sha256:87ba42d7831ceb3169e2afa45a3cbe1f60c879ca903db0d97b959029df1134f0 v1",
		GroupID: app.GroupRegistry,
		Args:    app.Arguments(2, -1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runTag(cmd.Context(), a, args[0], args[1:]) },
	}
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

func runTag(ctx context.Context, a *app.App, reference string, tags []string) error {
	if err := app.CheckTags(tags); err != nil {
		return err
	}
	result, err := app.With(ctx, a, reference, registry.Write, func(t *app.Target) (*tagResult, error) { return addTags(ctx, t, tags) })
	if err != nil {
		return err
	}
	return a.Print(result)
}

// addTags moves the tags that do not point to the manifest yet.
func addTags(ctx context.Context, t *app.Target, tags []string) (*tagResult, error) {
	desc, err := t.Find(ctx)
	if err != nil {
		return nil, err
	}
	r := &tagResult{Described: results.Describe(t.Ref, desc), Skipped: true}
	for _, tag := range tags {
		r.Tags = append(r.Tags, tag)
		if old, err := t.Resolve(ctx, tag); err == nil && old.Digest == desc.Digest {
			continue
		}
		if err := t.Tag(ctx, desc, tag); err != nil {
			return nil, err
		}
		r.Skipped = false
	}
	return r, nil
}

// tagResult is the result of tag.
type tagResult struct {
	results.Described
	Tags    []string `json:"tags"`
	Skipped bool     `json:"skipped"` // all of them led there already
}

func (r tagResult) WriteText(w io.Writer) error {
	var t term.Table
	verb := "tagged"
	if r.Skipped {
		verb = "unchanged"
	}
	t.Row(verb, r.Reference)
	t.Row("digest", r.Digest.String())
	t.Row("tags", strings.Join(r.Tags, ", "))
	return t.WriteText(w)
}
