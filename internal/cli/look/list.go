package look

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/order"
	"github.com/davit-oci/davit/internal/missing"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/read"
	"github.com/spf13/cobra"
)

func newListCommand(a *app.App) *cobra.Command {
	var opts listOptions
	cmd := &cobra.Command{
		Use:   "ls TARGET [PATH]",
		Short: "List the files of an artifact, even inside its tar layers",
		Long: `List the files that a pull would place. Below an archive that the kind packs, such as a chart,
are the files in it, which "davit cat" prints.`,
		Example: `  davit ls registry.example.com/models/tiny:1.0
  davit ls ./oci docs --long
  davit ls registry.example.com/app:1.0 /etc --platform linux/arm64`,
		GroupID: app.GroupLook,
		Args:    cobra.MatchAll(order.CheckPath, app.Arguments(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := order.CheckTargetFirst(cmd, args); err != nil {
				return err
			}
			opts.target = args[0]
			if len(args) > 1 {
				opts.Include = []string{strings.Trim(args[1], "/")}
			}
			return runList(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVarP(&opts.Digests, "long", "l", false, "show digests of files and layers; reads uncompressed tars of more than 32 MiB to the end and verifies them")
	cmd.Flags().BoolVar(&opts.NoUnpack, "no-unpack", false, "list packed directories as single files")
	cmd.Flags().StringVar(&opts.platform, "platform", "", "choose the manifest of an index for `OS/ARCH[/VARIANT]`")
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type listOptions struct {
	read.ListOptions
	target   string
	platform string
}

func runList(ctx context.Context, a *app.App, opts listOptions) error {
	opts.Archives = true
	var err error
	if opts.Platform, err = app.OptionalPlatform(opts.platform); err != nil {
		return err
	}
	result, err := app.With(ctx, a, opts.target, registry.Read, func(t *app.Target) (*read.Listing, error) {
		return listIn(ctx, t, opts.ListOptions)
	})
	if err != nil {
		return err
	}
	if result.Files == nil { // all are in archives
		result.Files = []pull.File{}
	}
	a.NotePlatform(result.Reference, opts.Platform, result.Platform)
	if !result.Verified {
		a.Warn("digests were not verified: only the headers of packed layers larger than 32 MiB were fetched; --long reads all")
	}
	return a.Print(listResult{result, opts.Digests})
}

// listIn lists the files of a target. The error about an unknown path has the path as it was typed.
func listIn(ctx context.Context, t *app.Target, opts read.ListOptions) (*read.Listing, error) {
	if err := t.Complete(ctx); err != nil {
		return nil, err
	}
	result, err := read.List(ctx, t.Target, t.Ref.Reference(), opts)
	var unknown *missing.NameError
	if errors.As(err, &unknown) {
		err = &missing.NameError{Typed: opts.Include[0], Names: unknown.Names}
	}
	if err != nil {
		return nil, t.Explain(ctx, err)
	}
	result.Reference = t.Ref.String()
	return result, nil
}

// listResult is the result of ls.
type listResult struct {
	*read.Listing
	long bool
}

// all returns the files, with those in archives below each archive.
func (r listResult) all() []pull.File {
	all := r.Files
	for _, archive := range r.Archives {
		at := len(all)
		for i, f := range all {
			if f.Path == archive.Path {
				at = i + 1
			}
		}
		all = slices.Concat(all[:at], archive.Files, all[at:])
	}
	return all
}

// WriteText prints a row for each file.
func (r listResult) WriteText(w io.Writer) error {
	var t term.Table
	screen, _ := w.(*term.Screen)
	onScreen := screen != nil && screen.Width > 0
	t.Header("MODE", "SIZE", "NAME")
	if r.long {
		t.Header("MODE", "BYTES", "DIGEST", "NAME")
	}
	for _, f := range r.all() {
		name := f.Path
		if f.Link != "" {
			name += " -> " + cmp.Or(f.Stored, f.Link)
		}
		mode, err := f.Mode.MarshalText()
		if err != nil {
			return err
		}
		switch {
		case r.long && onScreen: // the name would not fit beside two digests
			_, digest, _ := strings.Cut(term.Digest(w, f.Digest), ":")
			t.Row(string(mode), strconv.FormatInt(f.Size, 10), digest, name)
		case r.long:
			t.Row(string(mode), strconv.FormatInt(f.Size, 10), f.Digest.String(), f.Layer.String(), name)
		default:
			t.Row(string(mode), term.Size(f.Size), name)
		}
	}
	return t.WriteText(w)
}
