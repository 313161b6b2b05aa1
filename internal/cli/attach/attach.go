package attach

import (
	"context"
	"io"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/pack"
	"github.com/spf13/cobra"
)

func newAttachCommand(a *app.App) *cobra.Command {
	var opts attachOptions
	cmd := &cobra.Command{
		Use:   "attach SOURCE... SUBJECT",
		Short: "Pack files and attach them to an artifact or image as referrers",
		Long: `Pack each SOURCE and push it next to SUBJECT as a referrer of it, without a tag:
"davit discover SUBJECT" lists it. Nothing is attached twice.`,
		Example: `  davit attach sbom.spdx.json registry.example.com/app:1.0
  davit attach runbook.md sbom.cdx.json ./oci:1.0
  davit attach --replace scan.sarif registry.example.com/app:1.0
  davit attach --each-platform sbom.spdx.json registry.example.com/app:1.0`,
		GroupID: app.GroupAttach,
		Args:    app.Arguments(2, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.sources, opts.subject = args[:len(args)-1], args[len(args)-1]
			return runAttach(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.replace, "replace", false, "remove other referrers of the same kind and name")
	cmd.Flags().BoolVar(&opts.eachPlatform, "each-platform", false, "attach to every platform's manifest instead of the index")
	opts.sign.AddFlags(cmd.Flags())
	opts.source.AddFlags(cmd.Flags())
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type attachOptions struct {
	sources      []string
	subject      string
	source       source.Options
	replace      bool
	eachPlatform bool
	sign         signing.Flags
}

// attach attaches every source as a referrer of its own. All of them are read before the first is sent.
func runAttach(ctx context.Context, a *app.App, opts attachOptions) error {
	subject, err := registry.Parse(opts.subject)
	if err != nil {
		return err
	}
	if err := a.AssignLogin(&app.Login{}, subject); err != nil {
		return err
	}
	var sources []*source.Source
	for _, arg := range opts.sources {
		s, err := source.Open(a, []string{arg}, &opts.source, subject)
		if err != nil {
			return err
		}
		defer s.Close()
		a.Tell(s.Plan)
		sources = append(sources, s)
	}
	signer, err := opts.sign.Signer(ctx, a, subject)
	if err != nil {
		return err
	}
	t, err := a.OpenReference(ctx, subject, registry.Write)
	if err != nil {
		return err
	}
	results, err := app.Finish(ctx, t, func(t *app.Target) ([]*pack.Result, error) {
		attached, err := attachAll(ctx, a, sources, t, opts)
		if err != nil {
			return nil, err
		}
		return attached, signAll(ctx, signer, t, attached)
	})
	if err != nil {
		return err
	}
	return a.Print(attachResult{results[0], results})
}

// signAll signs what was attached.
func signAll(ctx context.Context, signer *signing.Signer, t *app.Target, attached []*pack.Result) error {
	sign := signer.In(t.Target)
	for _, r := range attached {
		if sign == nil {
			break
		}
		if err := sign(ctx, r.Descriptor()); err != nil {
			return err
		}
	}
	return nil
}

func attachAll(ctx context.Context, a *app.App, sources []*source.Source, t *app.Target, opts attachOptions) ([]*pack.Result, error) {
	subject, err := t.Find(ctx)
	if err != nil {
		return nil, err
	}
	progress, stop := a.StartProgress()
	defer stop()
	var all []*pack.Result
	for _, s := range sources {
		attach := pack.AttachOptions{Replace: opts.replace, EachPlatform: opts.eachPlatform}
		var done func()
		if attach.Options, done, err = s.PackOptions(ctx, a); err != nil {
			return nil, err
		}
		attach.Progress = progress
		results, err := pack.Attach(ctx, s.FS, s.Plan, pack.Attachment{Target: t.Target, Subject: subject}, attach)
		done()
		if err != nil {
			return nil, err
		}
		all = append(all, results...)
	}
	for _, r := range all {
		ref := t.Ref
		ref.Tag, ref.Digest = "", r.Digest
		r.Reference = ref.String()
	}
	return all, nil
}

// attachResult is the result of attach: the fields of the first referrer, usually the only one, and all of them.
type attachResult struct {
	*pack.Result
	Attached []*pack.Result `json:"attached"`
}

func (r attachResult) WriteText(w io.Writer) error {
	for _, one := range r.Attached {
		if err := (results.Sent{Result: one, Verb: "attached"}).WriteText(w); err != nil {
			return err
		}
	}
	return nil
}

func (r attachResult) QuietLine() string {
	var lines []string
	for _, one := range r.Attached {
		lines = append(lines, one.Reference)
	}
	return strings.Join(lines, "\n")
}
