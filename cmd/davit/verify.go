package main

import (
	"context"
	"fmt"
	"io"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/pull"
	"github.com/spf13/cobra"
)

func newVerifyCommand(a *app) *cobra.Command {
	var opts pull.VerifyOptions
	cmd := &cobra.Command{
		Use:   "verify TARGET",
		Short: "Reads everything again and checks digests and sizes",
		Long: `Reads everything that TARGET leads to and compares it with its digests and sizes. The exit
code is 5 when anything is wrong or missing; each fault has a line.`,
		Example: `  davit verify registry.example.com/app:1.0
  davit verify ./oci:1.0 --referrers`,
		GroupID: groupLook,
		Args:    arguments(1, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.verify(cmd.Context(), args[0], opts) },
	}
	cmd.Flags().BoolVar(&opts.Referrers, "referrers", false, "what is attached, too")
	a.addRegistryFlags(cmd.Flags())
	return cmd
}

func (a *app) verify(ctx context.Context, reference string, opts pull.VerifyOptions) error {
	t, err := a.open(ctx, reference, registry.Read)
	if err != nil {
		return err
	}
	report, err := a.verifyIn(ctx, t, opts)
	if err := t.close(err); err != nil {
		return err
	}
	if err := a.print(verifyResult{report}); err != nil {
		return err
	}
	if n := len(report.Faults); n > 0 {
		return artifact.Refused(t.ref.String(), "%s", plural(n, "fault"))
	}
	return nil
}

func (a *app) verifyIn(ctx context.Context, t *target, opts pull.VerifyOptions) (*pull.Report, error) {
	if err := t.complete(ctx); err != nil {
		return nil, err
	}
	progress, stop := a.startProgress()
	defer stop()
	opts.Progress, opts.Concurrency = progress, a.registry.Concurrency
	report, err := pull.Verify(ctx, t.Target, t.ref.Reference(), opts)
	if err != nil {
		return nil, t.explain(ctx, err)
	}
	report.Reference = t.ref.String()
	return report, nil
}

// verifyResult is what verify prints.
type verifyResult struct{ *pull.Report }

func (r verifyResult) WriteText(w io.Writer) error {
	if len(r.Faults) == 0 {
		_, err := fmt.Fprintf(w, "%s: %s, %s: all as it should be\n", escape(r.Reference), plural(r.Checked, "blob"), humanSize(r.Size))
		return err
	}
	var t table
	for _, f := range r.Faults {
		t.row(f.Digest.String(), f.MediaType, f.Problem)
	}
	return t.WriteText(w)
}
