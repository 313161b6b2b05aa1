package registry

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/versions"
	"github.com/spf13/cobra"
)

func newTagsCommand(a *app.App) *cobra.Command {
	var opts tagsOptions
	cmd := &cobra.Command{
		Use:   "tags REPO",
		Short: "List the tags of a repository, layout, or archive",
		Example: `  davit tags registry.example.com/app
  davit tags registry.example.com/app --filter '1.*' --sort version --limit 5
  davit tags ./oci`,
		GroupID: app.GroupRegistry,
		Args:    app.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.repository = args[0]
			return runTags(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVar(&opts.filter, "filter", "", "list tags that match `GLOB`")
	cmd.Flags().StringVar(&opts.sort, "sort", "name", "sort by name, or by version with the newest first")
	cmd.Flags().BoolVar(&opts.all, "all", false, "also list the tags of referrers and of cosign")
	cmd.Flags().IntVar(&opts.limit, "limit", 0, "list at most `N` tags")
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type tagsOptions struct {
	repository string
	filter     string
	sort       string
	limit      int
	all        bool
}

func runTags(ctx context.Context, a *app.App, opts tagsOptions) error {
	if _, err := path.Match(opts.filter, ""); err != nil {
		return &exit.UsageError{Err: fmt.Errorf("--filter %q: %w", opts.filter, err)}
	}
	if opts.sort != "name" && opts.sort != "version" {
		return &exit.UsageError{Err: fmt.Errorf("--sort %q: must be name or version", opts.sort)}
	}
	result, err := app.With(ctx, a, opts.repository, registry.Read, func(t *app.Target) (*tagsResult, error) {
		list := t.ListTags
		if opts.all {
			list = t.ListAllTags
		}
		tags, err := list(ctx)
		return &tagsResult{t.Ref.Name(), opts.choose(tags)}, err
	})
	if err != nil {
		return err
	}
	return a.Print(result)
}

// choose filters, sorts, and cuts the list.
func (o tagsOptions) choose(tags []string) []string {
	chosen := []string{}
	for _, tag := range tags {
		if ok, _ := path.Match(o.filter, tag); ok || o.filter == "" {
			chosen = append(chosen, tag)
		}
	}
	if o.sort == "version" {
		slices.SortStableFunc(chosen, func(a, b string) int { return versions.Compare(b, a) })
	}
	if o.limit > 0 && len(chosen) > o.limit {
		chosen = chosen[:o.limit]
	}
	return chosen
}

// tagsResult is the result of tags.
type tagsResult struct {
	Reference string   `json:"reference"`
	Tags      []string `json:"tags"`
}

func (r tagsResult) WriteText(w io.Writer) error {
	for _, tag := range r.Tags {
		if _, err := fmt.Fprintln(w, term.Escape(tag)); err != nil {
			return err
		}
	}
	return nil
}
