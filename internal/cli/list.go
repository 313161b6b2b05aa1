package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/errdef"
)

func newListCommand(a *app) *cobra.Command {
	var opts listOptions
	cmd := &cobra.Command{
		Use:   "ls TARGET [PATH]",
		Short: "Lists the files of an artifact, also inside its tar layers",
		Example: `  davit ls registry.example.com/models/tiny:1.0
  davit ls ./oci docs --long
  davit ls registry.example.com/app:1.0 /etc --platform linux/arm64`,
		GroupID: groupLook,
		Args:    arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.target = args[0]
			if len(args) > 1 {
				opts.Include = []string{strings.Trim(args[1], "/")}
			}
			return a.list(cmd.Context(), opts)
		},
	}
	cmd.Flags().BoolVarP(&opts.Digests, "long", "l", false, "with digests of files and layers; large tars that are not compressed are read whole for it")
	cmd.Flags().BoolVar(&opts.NoUnpack, "no-unpack", false, "packed directories as the files they are")
	cmd.Flags().StringVar(&opts.platform, "platform", "", "of an index the manifest for `OS/ARCH[/VARIANT]`")
	a.addRegistryFlags(cmd.Flags())
	return cmd
}

type listOptions struct {
	pull.ListOptions
	target   string
	platform string
}

func (a *app) list(ctx context.Context, opts listOptions) error {
	var err error
	if opts.Platform, err = optionalPlatform(opts.platform); err != nil {
		return err
	}
	t, err := a.open(ctx, opts.target, registry.Read)
	if err != nil {
		return err
	}
	result, err := listIn(ctx, t, opts.ListOptions)
	if err := t.close(ctx, err); err != nil {
		return err
	}
	if len(opts.Include) > 0 && len(result.Files) == 0 {
		return &missingError{fmt.Sprintf("%s: no file %q", t.ref, opts.Include[0]), fmt.Sprintf("\"davit ls %s\" lists them all", t.ref)}
	}
	return a.print(listResult{result, opts.Digests})
}

func listIn(ctx context.Context, t *target, opts pull.ListOptions) (*pull.Result, error) {
	if err := t.complete(ctx); err != nil {
		return nil, err
	}
	result, err := pull.List(ctx, t.Target, t.ref.Reference(), opts)
	if err != nil {
		return nil, t.explain(ctx, err)
	}
	result.Reference = t.ref.String()
	return result, nil
}

// listResult is what ls prints.
type listResult struct {
	*pull.Result
	long bool
}

func (r listResult) WriteText(w io.Writer) error {
	var t term.Table
	for _, f := range r.Files {
		name := f.Path
		if f.Link != "" {
			name += " -> " + f.Link
		}
		mode, err := f.Mode.MarshalText()
		if err != nil {
			return err
		}
		if r.long {
			t.Row(string(mode), strconv.FormatInt(f.Size, 10), f.Digest.String(), f.Layer.String(), name)
		} else {
			t.Row(string(mode), term.Size(f.Size), name)
		}
	}
	return t.WriteText(w)
}

func newCatCommand(a *app) *cobra.Command {
	var opts catOptions
	cmd := &cobra.Command{
		Use:   "cat TARGET PATH",
		Short: "Prints one file of an artifact, also out of a tar layer",
		Long: `Prints one file as it is, and fetches no more for it than it must. The last bytes are
handed over when the digest was verified; --range prints a part, which can't be.`,
		Example: `  davit cat registry.example.com/models/tiny:1.0 LICENSE
  davit cat ./oci docs/index.md
  davit cat registry.example.com/models/tiny:1.0 tiny.gguf --range 0-4095 | xxd | head`,
		GroupID: groupLook,
		Args:    arguments(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.target, opts.path = args[0], strings.Trim(args[1], "/")
			return a.cat(cmd.Context(), opts)
		},
	}
	cmd.Flags().StringVar(&opts.part, "range", "", "only these bytes, `FIRST-LAST` (from 0) or FIRST-")
	cmd.Flags().StringVar(&opts.platform, "platform", "", "of an index the manifest for `OS/ARCH[/VARIANT]`")
	a.addRegistryFlags(cmd.Flags())
	return cmd
}

type catOptions struct {
	pull.CatOptions
	target, path   string
	part, platform string
}

func (a *app) cat(ctx context.Context, opts catOptions) error {
	var err error
	if opts.Platform, err = optionalPlatform(opts.platform); err != nil {
		return err
	}
	if opts.Offset, opts.Length, err = parseRange(opts.part); err != nil {
		return err
	}
	t, err := a.open(ctx, opts.target, registry.Read)
	if err != nil {
		return err
	}
	return t.close(ctx, catFrom(ctx, t, opts, outputWriter{a.stdout}))
}

func catFrom(ctx context.Context, t *target, opts catOptions, w io.Writer) error {
	if err := t.complete(ctx); err != nil {
		return err
	}
	_, err := pull.Cat(ctx, t.Target, t.ref.Reference(), opts.path, w, opts.CatOptions)
	if errors.Is(err, errdef.ErrUnsupported) {
		return &usageError{err: err, hint: fmt.Sprintf("\"davit ls %s %s\" lists what is in it", t.ref, opts.path)}
	}
	return t.explain(ctx, err)
}

// outputWriter names standard output in its errors.
type outputWriter struct{ w io.Writer }

func (o outputWriter) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		err = &outputError{err}
	}
	return n, err
}

// parseRange reads FIRST-LAST, as in HTTP, as an offset and a length; length 0 is the rest.
func parseRange(text string) (offset, length int64, err error) {
	if text == "" {
		return 0, 0, nil
	}
	bad := &usageError{err: fmt.Errorf("--range %q: want FIRST-LAST or FIRST-", text), hint: "the first kilobyte is 0-1023"}
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
