package registry

import (
	"context"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/spf13/cobra"
)

func newResolveCommand(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "resolve TARGET",
		Short:   "Print the digest of a tag",
		Example: "  davit resolve registry.example.com/app:1.0\n  davit resolve ./oci",
		GroupID: app.GroupRegistry,
		Args:    app.Arguments(1, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runResolve(cmd.Context(), a, args[0]) },
	}
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

func runResolve(ctx context.Context, a *app.App, reference string) error {
	result, err := app.With(ctx, a, reference, registry.Read, func(t *app.Target) (results.Described, error) {
		desc, err := t.Find(ctx)
		return results.Describe(t.Ref, desc), err
	})
	if err != nil {
		return err
	}
	return a.Print(result)
}
