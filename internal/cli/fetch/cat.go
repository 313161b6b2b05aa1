package fetch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/order"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull/read"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/errdef"
)

func newCatCommand(a *app.App) *cobra.Command {
	var opts catOptions
	cmd := &cobra.Command{
		Use:   "cat TARGET PATH",
		Short: "Print one file of an artifact, even out of a tar layer",
		Long: `Print one file unchanged, also one in a chart. A layer of at most 32 MiB is verified before its first byte is
printed. Of a larger layer, only the part that is needed is fetched. If the layer is the file, its last
bytes are printed after its digest was verified. A part of the file (--range), or a file packed in
the layer, is not verified, and a warning says so.`,
		Example: `  davit cat registry.example.com/models/tiny:1.0 LICENSE
  davit cat ./oci docs/index.md
  davit cat registry.example.com/models/tiny:1.0 tiny.gguf --range 0-4095 | xxd | head`,
		GroupID: app.GroupLook,
		Args:    cobra.MatchAll(order.CheckPath, app.Arguments(2, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := order.CheckTargetFirst(cmd, args); err != nil {
				return err
			}
			opts.target, opts.Path = args[0], strings.Trim(args[1], "/")
			return runCat(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVar(&opts.part, "range", "", "print only the bytes `FIRST-LAST` (from 0) or FIRST-")
	cmd.Flags().StringVar(&opts.platform, "platform", "", "choose the manifest of an index for `OS/ARCH[/VARIANT]`")
	opts.trust.AddFlags(cmd.Flags())
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type catOptions struct {
	read.CatOptions
	target         string
	part, platform string
	version        app.Versions // of pull
	trust          signing.Trust
}

func runCat(ctx context.Context, a *app.App, opts catOptions) error {
	var err error
	if opts.Platform, err = app.OptionalPlatform(opts.platform); err != nil {
		return err
	}
	if opts.Offset, opts.Length, err = parseRange(opts.part); err != nil {
		return err
	}
	_, err = app.WithVersions(ctx, a, opts.target, opts.version, func(t *app.Target) (struct{}, error) {
		return struct{}{}, catFrom(ctx, a, t, opts)
	})
	return err
}

// catFrom prints a file, and warns if the file was not verified.
func catFrom(ctx context.Context, a *app.App, t *app.Target, opts catOptions) error {
	if err := t.Complete(ctx); err != nil {
		return err
	}
	reference, err := opts.trust.Pin(ctx, a, t, t.Ref.Reference(), opts.Platform)
	if err != nil {
		return err
	}
	printed, err := read.Cat(ctx, t.Target, reference, a.Out(), opts.CatOptions)
	if errors.Is(err, errdef.ErrUnsupported) {
		return &exit.UsageError{Err: err, Hint: fmt.Sprintf("\"%s\" lists its files", shell.Command("davit", "ls", t.Ref.String(), opts.Path))}
	}
	if err != nil {
		return t.Explain(ctx, err)
	}
	if opts.Offset > 0 && opts.Offset >= printed.Size {
		return exit.Usagef("--range %s: %s has %s", opts.part, printed.Path, term.Plural(int(printed.Size), "byte"))
	}
	a.NotePlatform(t.Ref.String(), opts.Platform, printed.Platform)
	if !printed.Verified {
		a.Warn("the digest of the layer with %s was not verified: the layer is larger than 32 MiB, and only a part of it was fetched", printed.Path)
	}
	return nil
}

// parseRange parses FIRST-LAST, inclusive as in HTTP, into an offset and a length. Length 0 means the rest.
func parseRange(text string) (offset, length int64, err error) {
	if text == "" {
		return 0, 0, nil
	}
	bad := &exit.UsageError{Err: fmt.Errorf("--range %q: must be FIRST-LAST or FIRST-", text), Hint: "the first kilobyte is 0-1023"}
	first, last, ok := strings.Cut(text, "-")
	from, err := strconv.ParseInt(first, 10, 64)
	if !ok || err != nil || from < 0 {
		return 0, 0, bad
	}
	if last == "" {
		return from, 0, nil
	}
	to, err := strconv.ParseInt(last, 10, 64)
	if err != nil || to < from || to-from+1 <= 0 {
		return 0, 0, bad
	}
	return from, to - from + 1, nil
}
