package attach

import (
	"cmp"
	"context"
	"io"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newDetachCommand(a *app.App) *cobra.Command {
	var opts detachOptions
	cmd := &cobra.Command{
		Use:   "detach SUBJECT [DIGEST...]",
		Short: "Remove referrers of an artifact or image",
		Long: `Remove referrers of SUBJECT: those with the digests given, those of a kind, or all of them.
On a terminal it asks before it removes all.`,
		Example: `  davit detach registry.example.com/app:1.0 --kind report
  davit detach ./oci:1.0 sha256:401c4b31ae48225669d95d63480fff246a6d90296f733f5b40d6d9d73a8caf62`,
		GroupID: app.GroupAttach,
		Args:    app.Arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.subject, opts.digests = args[0], args[1:]
			return runDetach(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVar(&opts.kind, "kind", "", "remove referrers of this `KIND` (or artifactType)")
	cmd.Flags().BoolVar(&opts.all, "all", false, "remove all referrers without asking")
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type detachOptions struct {
	subject string
	digests []string
	kind    string
	all     bool
}

func runDetach(ctx context.Context, a *app.App, opts detachOptions) error {
	chosen := pack.DetachOptions{Kind: opts.kind, All: len(opts.digests) == 0 && opts.kind == ""}
	for _, d := range opts.digests {
		parsed, err := digest.Parse(d)
		if err != nil {
			return &exit.UsageError{Err: err, Hint: "\"davit discover " + opts.subject + "\" shows the digests"}
		}
		chosen.Digests = append(chosen.Digests, parsed)
	}
	if chosen.All {
		if err := a.Confirm(ctx, "detach everything from "+opts.subject+"?", opts.all); err != nil {
			return err
		}
	}
	result, err := app.With(ctx, a, opts.subject, registry.Write, func(t *app.Target) (*detachResult, error) {
		return detachFrom(ctx, t, chosen)
	})
	if err != nil {
		return err
	}
	return a.Print(result)
}

func detachFrom(ctx context.Context, t *app.Target, opts pack.DetachOptions) (*detachResult, error) {
	subject, err := t.Find(ctx)
	if err != nil {
		return nil, err
	}
	removed, err := pack.Detach(ctx, t.Target, subject, opts)
	if err != nil {
		return nil, err
	}
	r := &detachResult{Subject: subject}
	for _, desc := range removed {
		r.Detached = append(r.Detached, describedReferrer{desc, results.KindName(desc)})
	}
	return r, nil
}

// detachResult is the result of detach.
type detachResult struct {
	Subject  ocispec.Descriptor  `json:"subject"`
	Detached []describedReferrer `json:"detached"`
}

type describedReferrer struct {
	ocispec.Descriptor
	Kind string `json:"kind,omitempty"`
}

func (r detachResult) WriteText(w io.Writer) error {
	var t term.Table
	for _, d := range r.Detached {
		t.Row("detached", d.Digest.String(), cmp.Or(d.Kind, d.ArtifactType))
	}
	return t.WriteText(w)
}
