package cli

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newAttachCommand(a *app) *cobra.Command {
	var opts attachOptions
	cmd := &cobra.Command{
		Use:   "attach SOURCE... SUBJECT",
		Short: "Packs files and attaches them to an artifact or image as referrers",
		Long: `Packs each SOURCE and pushes it next to SUBJECT as a referrer of it, without a tag:
"davit discover SUBJECT" finds it again. What is attached already is not attached twice.`,
		Example: `  davit attach sbom.spdx.json registry.example.com/app:1.0
  davit attach runbook.md sbom.cdx.json ./oci:1.0
  davit attach --replace scan.sarif registry.example.com/app:1.0
  davit attach --each-platform sbom.spdx.json registry.example.com/app:1.0`,
		GroupID: groupAttach,
		Args:    arguments(2, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.sources, opts.subject = args[:len(args)-1], args[len(args)-1]
			return a.attach(cmd.Context(), opts)
		},
	}
	cmd.Flags().BoolVar(&opts.replace, "replace", false, "remove other referrers of the same kind and name")
	cmd.Flags().BoolVar(&opts.eachPlatform, "each-platform", false, "attach to every platform's manifest instead of the index")
	addSourceFlags(cmd.Flags(), &opts.source)
	a.addRegistryFlags(cmd.Flags())
	return cmd
}

type attachOptions struct {
	sources      []string
	subject      string
	source       sourceOptions
	replace      bool
	eachPlatform bool
}

// attach attaches every source as a referrer of its own. All of them are read before the first is sent.
func (a *app) attach(ctx context.Context, opts attachOptions) error {
	subject, err := registry.Parse(opts.subject)
	if err != nil {
		return err
	}
	if err := a.assignLogin(&login{}, subject); err != nil {
		return err
	}
	opts.source.target = subject
	var sources []*source
	for _, arg := range opts.sources {
		s, err := a.openSource([]string{arg}, &opts.source)
		if err != nil {
			return err
		}
		defer s.close()
		a.tell(s.plan)
		sources = append(sources, s)
	}
	t, err := a.openReference(ctx, subject, registry.Write)
	if err != nil {
		return err
	}
	results, err := a.attachAll(ctx, sources, t, opts)
	if err := t.close(ctx, err); err != nil {
		return err
	}
	return a.print(attachResult{results[0], results})
}

func (a *app) attachAll(ctx context.Context, sources []*source, t *target, opts attachOptions) ([]*pack.Result, error) {
	subject, err := t.resolve(ctx)
	if err != nil {
		return nil, err
	}
	progress, stop := a.startProgress()
	defer stop()
	var all []*pack.Result
	for _, s := range sources {
		attach := pack.AttachOptions{Replace: opts.replace, EachPlatform: opts.eachPlatform}
		var done func()
		if attach.Options, done, err = a.packOptions(ctx, s); err != nil {
			return nil, err
		}
		attach.Progress, attach.Digests = progress, a.digests()
		results, err := pack.Attach(ctx, s.fsys, s.plan, t.Target, subject, attach)
		done()
		if err != nil {
			return nil, err
		}
		all = append(all, results...)
	}
	for _, r := range all {
		ref := t.ref
		ref.Tag, ref.Digest = "", r.Digest
		r.Reference = ref.String()
	}
	return all, nil
}

// attachResult is what attach prints: the fields of the first referrer, which mostly is the only one, and all of them.
type attachResult struct {
	*pack.Result
	Attached []*pack.Result `json:"attached"`
}

func (r attachResult) WriteText(w io.Writer) error {
	for _, one := range r.Attached {
		if err := (sendResult{one, "attached"}).WriteText(w); err != nil {
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

func newDetachCommand(a *app) *cobra.Command {
	var opts detachOptions
	cmd := &cobra.Command{
		Use:   "detach SUBJECT [DIGEST...]",
		Short: "Removes referrers of an artifact or image",
		Long: `Removes referrers of SUBJECT: those with the digests given, those of a kind, or all of them.
On a terminal it asks before it removes all.`,
		Example: `  davit detach registry.example.com/app:1.0 --kind report
  davit detach ./oci:1.0 sha256:401c4b31ae48225669d95d63480fff246a6d90296f733f5b40d6d9d73a8caf62`,
		GroupID: groupAttach,
		Args:    arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.subject, opts.digests = args[0], args[1:]
			return a.detach(cmd.Context(), opts)
		},
	}
	cmd.Flags().StringVar(&opts.kind, "kind", "", "those of this `KIND` (or artifactType)")
	cmd.Flags().BoolVar(&opts.all, "all", false, "all of them, without asking")
	a.addRegistryFlags(cmd.Flags())
	return cmd
}

type detachOptions struct {
	subject string
	digests []string
	kind    string
	all     bool
}

func (a *app) detach(ctx context.Context, opts detachOptions) error {
	chosen := pack.DetachOptions{Kind: opts.kind}
	for _, d := range opts.digests {
		parsed, err := digest.Parse(d)
		if err != nil {
			return &usageError{err: err, hint: "\"davit discover " + opts.subject + "\" shows the digests"}
		}
		chosen.Digests = append(chosen.Digests, parsed)
	}
	if len(opts.digests) == 0 && opts.kind == "" {
		if err := a.confirm(ctx, "detach everything from "+opts.subject+"?", opts.all); err != nil {
			return err
		}
	}
	t, err := a.open(ctx, opts.subject, registry.Write)
	if err != nil {
		return err
	}
	result, err := detachFrom(ctx, t, chosen)
	if err := t.close(ctx, err); err != nil {
		return err
	}
	return a.print(result)
}

func detachFrom(ctx context.Context, t *target, opts pack.DetachOptions) (*detachResult, error) {
	subject, err := t.resolve(ctx)
	if err != nil {
		return nil, err
	}
	removed, err := pack.Detach(ctx, t.Target, subject, opts)
	if err != nil {
		return nil, err
	}
	r := &detachResult{Subject: subject}
	for _, desc := range removed {
		r.Detached = append(r.Detached, describedReferrer{desc, kindName(desc)})
	}
	return r, nil
}

// detachResult is what detach prints.
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

func uniqueTags(first string, lists ...[]string) []string {
	var tags []string
	for _, tag := range slices.Concat(append([][]string{{first}}, lists...)...) {
		if tag != "" && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return tags
}
