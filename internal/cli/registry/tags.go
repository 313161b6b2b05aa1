package registry

import (
	"context"
	"fmt"
	"io"
	"path"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/places"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
)

func newTagsCommand(a *app.App) *cobra.Command {
	var opts tagsOptions
	cmd := &cobra.Command{
		Use:   "tags REPO",
		Short: "List the tags of a repository, layout, or archive",
		Example: `  davit tags registry.example.com/app
  davit tags registry.example.com/app --filter '1.*' --sort version --limit 5
  davit tags registry.example.com/app --version '^1.2'
  davit tags ./oci`,
		GroupID: app.GroupRegistry,
		Args:    app.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.repository = args[0]
			return runTags(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVar(&opts.Match, "filter", "", "list tags that match `GLOB`")
	cmd.Flags().StringVar(&opts.sort, "sort", "name", "sort by name, or by version with the newest first")
	cmd.Flags().BoolVar(&opts.All, "all", false, "also list referrers tags and cosign tags")
	cmd.Flags().IntVar(&opts.Limit, "limit", 0, "list at most `N` tags")
	opts.version.AddFlag(cmd.Flags())
	cmd.Flags().Lookup("version").Usage = "list the tags in this `RANGE` of versions, the newest first: ^1.2, ~1.2.3, \">=1.2, <2\""
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type tagsOptions struct {
	registry.TagOptions
	repository string
	sort       string
	version    app.Versions
}

func runTags(ctx context.Context, a *app.App, opts tagsOptions) error {
	if _, err := path.Match(opts.Match, ""); err != nil {
		return exit.Usagef("--filter %q: %w", opts.Match, err)
	}
	if opts.sort != "name" && opts.sort != "version" {
		return exit.Usagef("--sort %q: must be name or version", opts.sort)
	}
	opts.ByVersion = opts.sort == "version"
	versions, err := opts.version.Range()
	if err != nil {
		return err
	}
	limit := opts.Limit
	if versions != nil {
		opts.Limit = 0
	}
	result, err := app.With(ctx, a, opts.repository, registry.Read, func(t *app.Target) (*tagsResult, error) {
		tags, err := registry.Tags(ctx, t, opts.TagOptions)
		if all, _ := places.ListLayout(ctx, t); len(all) > 1 && t.Ref.InLayout() == "" {
			a.Note("these tags are from %d repositories, which \"%s\" lists", len(all), shell.Command("davit", "repos", t.Ref.Name()))
		}
		if err == nil && len(tags) == 0 && opts.Match != "" {
			a.Note("no tag matches %q", opts.Match)
		}
		if versions != nil {
			tags = versions.Matching(tags)
			if limit > 0 {
				tags = tags[:min(limit, len(tags))]
			}
		}
		return &tagsResult{t.Ref.Name(), append([]string{}, tags...)}, err
	})
	if err != nil {
		return err
	}
	return a.Print(result)
}

// tagsResult is the result of tags.
type tagsResult struct {
	Reference string   `json:"reference"`
	Tags      []string `json:"tags"`
}

// WriteText prints a tag on each line.
func (r tagsResult) WriteText(w io.Writer) error {
	for _, tag := range r.Tags {
		if _, err := fmt.Fprintln(w, term.Escape(tag)); err != nil {
			return err
		}
	}
	return nil
}
