package look

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newVerifyCommand(a *app.App) *cobra.Command {
	var opts verifyOptions
	cmd := &cobra.Command{
		Use:   "verify TARGET",
		Short: "Reads everything again and checks digests and sizes",
		Long: `Reads everything that TARGET leads to and compares it with its digests and sizes. The exit
code is 5 when anything is wrong or missing; each fault has a line.

Of a layout or archive without a tag all is read that it lists. There, what nothing refers to and
what an interrupted writer left are faults too, although every artifact may be whole; --repair
removes them, and so does the next writer of what a writer left. A lost oci-layout is one, too, and
written again.`,
		Example: `  davit verify registry.example.com/app:1.0
  davit verify ./oci:1.0 --referrers
  davit verify ./oci --repair`,
		GroupID: app.GroupLook,
		Args:    app.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.target = args[0]
			return runVerify(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.Referrers, "referrers", false, "what is attached, too")
	cmd.Flags().BoolVar(&opts.repair, "repair", false, "remove what nothing refers to from a layout or archive")
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type verifyOptions struct {
	pull.VerifyOptions
	target string
	repair bool
}

// disk is what layouts and archives can tell of themselves.
type disk interface {
	Roots(ctx context.Context) ([]ocispec.Descriptor, error)
	Strays(ctx context.Context) ([]registry.Stray, error)
	Repair(ctx context.Context) ([]registry.Stray, error)
}

func runVerify(ctx context.Context, a *app.App, opts verifyOptions) error {
	mode := registry.Read
	if opts.repair {
		mode = registry.Write
	}
	t, err := openThere(ctx, a, opts.target, mode)
	if err != nil {
		return err
	}
	report, err := verifyIn(ctx, a, t, opts)
	if err := t.Finish(ctx, err); err != nil {
		return err
	}
	if err := a.Print(verifyResult{report}); err != nil {
		return err
	}
	n := len(report.Faults)
	if n == 0 {
		return nil
	}
	err = artifact.Refused(t.Ref.String(), "%s", term.Plural(n, "fault"))
	damaged := slices.ContainsFunc(report.Faults, func(f pull.Fault) bool { return f.Path == "" })
	if !damaged {
		err = litterError{err, t.Ref.String(), opts.repair}
	}
	return err
}

// litterError is of a layout or archive with something too much in it, or without its oci-layout, and nothing else.
type litterError struct {
	error
	place    string
	repaired bool // this is what was left
}

func (e litterError) Unwrap() error { return e.error }

func (e litterError) Hint() string {
	if e.repaired {
		return "every artifact in it is whole; who put there what is left is not known: look at it, and remove it yourself"
	}
	return "every artifact in it is whole; \"davit verify --repair " + e.place + "\" puts the rest in order"
}

// openThere opens a target that must be there, for whatever mode.
func openThere(ctx context.Context, a *app.App, s string, mode registry.Mode) (*app.Target, error) {
	t, err := a.Open(ctx, s, registry.Read)
	if err != nil || mode == registry.Read {
		return t, err
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	return a.Open(ctx, s, mode)
}

func verifyIn(ctx context.Context, a *app.App, t *app.Target, opts verifyOptions) (*pull.Report, error) {
	d, onDisk := t.Target.(disk)
	if opts.repair && !onDisk {
		return nil, &exit.UsageError{Err: fmt.Errorf("--repair is for layouts and archives, not for %s", t.Ref)}
	}
	var repaired []registry.Stray
	if opts.repair {
		var err error
		if repaired, err = d.Repair(ctx); err != nil {
			return nil, err
		}
	}
	report, err := verifyContent(ctx, a, t, d, opts.VerifyOptions)
	if err != nil {
		return nil, t.Explain(ctx, err)
	}
	report.Reference = t.Ref.String()
	report.Repaired = strayFaults(repaired)
	if onDisk {
		strays, err := d.Strays(ctx)
		if err != nil {
			return nil, err
		}
		strays = slices.DeleteFunc(strays, func(s registry.Stray) bool { return slices.Contains(repaired, s) })
		report.Faults = append(report.Faults, strayFaults(strays)...)
	}
	return report, nil
}

func verifyContent(ctx context.Context, a *app.App, t *app.Target, d disk, opts pull.VerifyOptions) (*pull.Report, error) {
	progress, stop := a.StartProgress()
	defer stop()
	opts.Progress, opts.Concurrency = progress, a.Registry.Concurrency
	if d != nil && t.Ref.Reference() == "" {
		roots, err := d.Roots(ctx)
		if err != nil {
			return nil, err
		}
		return pull.VerifyAll(ctx, t.Target, roots, opts)
	}
	if err := t.Complete(ctx); err != nil {
		return nil, err
	}
	return pull.Verify(ctx, t.Target, t.Ref.Reference(), opts)
}

func strayFaults(strays []registry.Stray) []pull.Fault {
	var faults []pull.Fault
	for _, s := range strays {
		faults = append(faults, pull.Fault{Path: s.Path, Missing: s.Missing, Problem: s.Problem})
	}
	return faults
}

// strayWord is the word for a file that is missing, or for one that is too much.
func strayWord(f pull.Fault, missing, surplus string) string {
	if f.Missing {
		return missing
	}
	return surplus
}

// verifyResult is what verify prints.
type verifyResult struct{ *pull.Report }

func (r verifyResult) WriteText(w io.Writer) error {
	var t term.Table
	for _, f := range r.Repaired {
		t.Row(strayWord(f, "added", "removed"), f.Path, f.Problem)
	}
	for _, f := range r.Faults {
		if f.Path != "" {
			t.Row(strayWord(f, "missing", "surplus"), f.Path, f.Problem)
		} else {
			t.Row(f.Digest.String(), f.MediaType, f.Problem)
		}
	}
	if err := t.WriteText(w); err != nil || len(r.Faults) > 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %s, %s: all as it should be\n", term.Escape(r.Reference), term.Plural(r.Checked, "blob"), term.Size(r.Size))
	return err
}
