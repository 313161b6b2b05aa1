package registry

import (
	"context"
	"io"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/order"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/term"
	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"
)

func newTagCommand(a *app.App) *cobra.Command {
	var ifAbsent app.IfAbsent
	var dryRun app.DryRun
	cmd := &cobra.Command{
		Use:     "tag TARGET TAG...",
		Short:   "Tag an artifact",
		Example: "  davit tag registry.example.com/app:1.0 latest stable\n  davit tag ./oci@sha256:87ba42d7831ceb3169e2afa45a3cbe1f60c879ca903db0d97b959029df1134f0 v1",
		GroupID: app.GroupRegistry,
		Args:    app.Arguments(2, -1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runTag(cmd.Context(), a, args, ifAbsent, dryRun) },
	}
	dryRun.AddFlag(cmd.Flags())
	ifAbsent.AddFlag(cmd.Flags())
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

func runTag(ctx context.Context, a *app.App, args []string, ifAbsent app.IfAbsent, dryRun app.DryRun) error {
	tags := args[1:]
	if err := order.CheckTagsLast(args); err != nil {
		return err
	}
	if err := app.CheckTags(tags); err != nil {
		return err
	}
	ref, err := registry.Parse(args[0])
	if err != nil {
		return err
	}
	t, err := dryRun.OpenExisting(ctx, a, &app.Login{}, ref)
	if err != nil {
		return err
	}
	result, err := app.Finish(ctx, t, func(t *app.Target) (*tagResult, error) { return addTags(ctx, t, tags, ifAbsent) })
	if err != nil {
		return err
	}
	result.dryRun = dryRun
	return a.Print(result)
}

// addTags adds or moves the tags that do not point to the manifest yet. It checks ifAbsent for all of them first.
func addTags(ctx context.Context, t *app.Target, tags []string, ifAbsent app.IfAbsent) (*tagResult, error) {
	desc, err := t.Find(ctx)
	if err != nil {
		return nil, err
	}
	r := &tagResult{Described: results.Describe(t.Ref, desc), Skipped: true}
	for i, tag := range tags {
		tags[i] = t.Ref.Named(tag)
	}
	if err := ifAbsent.Guard(t, tags...).Check(ctx, desc); err != nil { // before the first tag moves
		return nil, err
	}
	for _, tag := range tags {
		r.Tags = append(r.Tags, tag)
		if old, err := t.Resolve(ctx, tag); err == nil {
			if old.Digest == desc.Digest {
				continue
			}
			if r.Was == nil {
				r.Was = map[string]digest.Digest{}
			}
			r.Was[tag] = old.Digest
		}
		if err := ifAbsent.Guard(t, tag).Check(ctx, desc); err != nil {
			return nil, err
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
	Skipped bool     `json:"skipped"` // all tags already pointed to the manifest

	Was map[string]digest.Digest `json:"was,omitempty"` // previous digests of tags that moved

	dryRun app.DryRun
}

// WriteText prints the artifact and its new tags, with the previous digests of tags that moved.
func (r tagResult) WriteText(w io.Writer) error {
	var t term.Table
	verb := r.dryRun.Verb("tagged", "tag")
	if r.Skipped {
		verb = "unchanged"
	}
	t.Row(verb, r.Reference)
	t.Row("digest", r.Digest.String())
	results.AddTags(w, &t, r.Tags, r.Was)
	return t.WriteText(w)
}
