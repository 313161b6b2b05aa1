package registry

import (
	"context"
	"fmt"
	"io"
	"path"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/places"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
)

func newReposCommand(a *app.App) *cobra.Command {
	var filter string
	cmd := &cobra.Command{
		Use:   "repos PLACE",
		Short: "List the repositories of a registry, a layout, or a directory of layouts",
		Long: `List the repositories of PLACE, one on each line, as references for other commands.

PLACE is the host of a registry that lists its repositories (hosted registries seldom do); a
layout or archive with tags that include repositories, as docker and skopeo write them; or a
directory of layouts, as for "davit serve", in which the path of a layout is the name of its
repository. HOST/NAME lists only NAME and the repositories below it.`,
		Example: `  davit repos registry.example.com
  davit repos registry.example.com/models
  davit repos ./mirror
  davit repos registry.example.com --filter 'models/*' --format json`,
		GroupID: app.GroupRegistry,
		Args:    app.Arguments(1, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runRepos(cmd.Context(), a, args[0], filter) },
	}
	cmd.Flags().StringVar(&filter, "filter", "", "list repositories whose names, without the host or path, match `GLOB`")
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

func runRepos(ctx context.Context, a *app.App, place, filter string) error {
	if _, err := path.Match(filter, ""); err != nil {
		return &exit.UsageError{Err: fmt.Errorf("--filter %q: %w", filter, err)}
	}
	all, err := places.Repositories(ctx, a, &app.Login{}, place)
	if err != nil {
		return err
	}
	all = lists.Delete(all, func(r places.Repository) bool {
		ok, _ := path.Match(filter, r.Name)
		return filter != "" && !ok
	})
	if len(all) == 0 && filter != "" {
		a.Note("no repository matches %q", filter)
	}
	return a.Print(reposResult{place, all})
}

// reposResult is the result of repos.
type reposResult struct {
	Reference    string              `json:"reference"`
	Repositories []places.Repository `json:"repositories"`
}

// WriteText prints a reference on each line.
func (r reposResult) WriteText(w io.Writer) error {
	for _, one := range r.Repositories {
		if _, err := fmt.Fprintln(w, term.Escape(one.Reference)); err != nil {
			return err
		}
	}
	return nil
}
