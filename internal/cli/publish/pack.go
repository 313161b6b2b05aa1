package publish

import (
	"context"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/pack"
	"github.com/spf13/cobra"
)

func newPackCommand(a *app.App) *cobra.Command {
	var opts packOptions
	cmd := &cobra.Command{
		Use:   "pack [SOURCE...]",
		Short: "Pack files into an image layout on disk, no registry needed",
		Long: `Pack a source into an OCI image layout, or a .tar archive of one, and print the digest.

A SOURCE is a directory with a davit.yaml (default: this one), a davit.yaml, "-" for a
davit.yaml on standard input, or plain files and directories, whose kind is detected.
Without a tag in --output the artifact is tagged with its version, else "latest".`,
		Example: `  davit pack
  davit pack model.gguf -o ./oci:tiny
  davit pack ./docs -o docs.tar
  davit pack --dry-run`,
		GroupID: app.GroupMove,
		Args:    app.CheckEmpty,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.sources = args
			return runPack(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVarP(&opts.output, "output", "o", "./oci", "pack into the layout or .tar archive `PATH[:TAG]`")
	cmd.Flags().StringSliceVar(&opts.tags, "tag", nil, "add this `TAG` (repeatable)")
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "do not write anything; print the manifest")
	opts.source.AddFlags(cmd.Flags())
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type packOptions struct {
	sources []string
	source  source.Options
	output  string
	tags    []string
	dryRun  bool
}

func runPack(ctx context.Context, a *app.App, opts packOptions) error {
	target, err := registry.Parse(app.LocalPath(opts.output))
	if err != nil {
		return err
	}
	if err := source.CheckLast(opts.sources); err != nil {
		return err
	}
	s, err := source.Open(a, opts.sources, &opts.source, target)
	if err != nil {
		return err
	}
	defer s.Close()
	a.ListLeftOut = opts.dryRun
	a.PrintNotes(s.Plan)
	if opts.dryRun {
		return printManifest(ctx, a, s, target)
	}
	return send(ctx, a, s, sendOptions{target: target, tags: opts.tags, verb: "packed"})
}

// printManifest prints the manifest that would be written.
func printManifest(ctx context.Context, a *app.App, s *source.Source, target registry.Reference) error {
	d, err := openDestination(ctx, a, s, sendOptions{target: target}, registry.Read)
	if err != nil {
		return err
	}
	defer d.close(ctx)
	packed, err := pack.Artifact(ctx, s.FS, s.Plan, d.opts.Subject, d.opts.Options)
	if err != nil {
		return err
	}
	return a.WriteRaw(packed.Manifest())
}
