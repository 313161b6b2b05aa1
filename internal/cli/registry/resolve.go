package registry

import (
	"context"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/fetch"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newResolveCommand(a *app.App) *cobra.Command {
	var platform string
	var version app.Versions
	cmd := &cobra.Command{
		Use:   "resolve TARGET",
		Short: "Print the digest of a tag",
		Example: `  davit resolve registry.example.com/app:1.0
  davit resolve ./oci
  davit resolve registry.example.com/app:1.0 --platform linux/arm64
  davit resolve registry.example.com/app --version '>=1.0.0, <2' --format '{{.reference}}'`,
		GroupID: app.GroupRegistry,
		Args:    app.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runResolve(cmd.Context(), a, args[0], platform, version)
		},
	}
	cmd.Flags().StringVar(&platform, "platform", "", "print the digest of the manifest of an index for `OS/ARCH[/VARIANT]`")
	version.AddFlag(cmd.Flags())
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

func runResolve(ctx context.Context, a *app.App, reference, platform string, version app.Versions) error {
	want, err := app.OptionalPlatform(platform)
	if err != nil {
		return err
	}
	result, err := app.WithVersions(ctx, a, reference, version, func(t *app.Target) (results.Described, error) {
		desc, err := t.Find(ctx)
		if err == nil && want != nil {
			desc, err = findManifest(ctx, a, t, desc, want)
		}
		return results.Describe(t.Ref, desc), err
	})
	if err != nil {
		return err
	}
	return a.Print(result)
}

// findManifest returns the manifest for a platform if desc is an index. Otherwise, it returns desc, and prints a note that the
// platform changes nothing.
func findManifest(ctx context.Context, a *app.App, t *app.Target, desc ocispec.Descriptor, want *ocispec.Platform) (ocispec.Descriptor, error) {
	m, err := fetch.Load(ctx, t, desc)
	if err != nil {
		return desc, err
	}
	chosen, platform, err := fetch.Choose(ctx, t, m, want)
	if err != nil {
		return desc, t.Explain(ctx, err)
	}
	a.NotePlatform(t.Ref.String(), want, platform)
	return chosen.Desc, nil
}
