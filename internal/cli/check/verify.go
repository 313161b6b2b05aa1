package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/trust"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newVerifyCommand(a *app.App) *cobra.Command {
	var opts verifyOptions
	cmd := &cobra.Command{
		Use:   "verify TARGET",
		Short: "Check signatures, and read everything again to check digests and sizes",
		Long: `Read all content of TARGET and compare it with its digests and sizes. The exit code is 5 if
anything is wrong or missing; each fault has a line.

With --key, TARGET, or the artifact that was pulled into a directory, must be signed by that key: a
signature of cosign or davit, as a bundle or behind a tag like sha256-....sig. No network service is
used; certificates and log entries are shown, but not trusted. The exit code is 1 if the key did not
sign. The keys may also be in $DAVIT_VERIFY_KEY. Without a key, no signature is checked.

Without a tag, everything that a layout or archive lists is read. Files that nothing refers to,
files that an interrupted writer left, and a missing oci-layout are faults, too, even if every
artifact is intact; --repair removes such files and restores oci-layout.

A directory that davit pulled into, with or without "./" before its name, is compared with the
artifact that was pulled; --dir compares any directory with TARGET. Every byte of every file of the
artifact is compared, and other files are ignored. In a directory of layouts, as for "davit serve",
each layout is verified.

If the artifact that was pulled was removed, or the registry does not answer, the files are compared
with davit's record of the pull instead, and a note says so; with --key, never. The record is not
signed: it is as trustworthy as your home directory. It has the digest of each file, but of those
packed in tars only after "davit pull --format json"; without these, the exit code is 3 or 6 unless
a fault is found.`,
		Example: `  davit verify registry.example.com/app:1.0
  davit verify ./oci:1.0 --referrers
  davit verify registry.example.com/app:1.0 --key davit.pub --require sbom
  davit verify ./oci --repair
  davit verify tiny
  davit verify registry.example.com/models/tiny:1.0 --dir tiny`,
		GroupID: app.GroupLook,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && opts.dir != "" {
				return &exit.UsageError{Err: errors.New("davit verify: TARGET is missing"),
					Hint: fmt.Sprintf("\"%s\" compares the files with the artifact that they were pulled from", shell.Command("davit", "verify", app.LocalPath(opts.dir)))}
			}
			return app.Arguments(1, 1)(cmd, args)
		},
		Annotations: map[string]string{app.Surplus: "--dir"},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.target = args[0]
			return runVerify(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.Referrers, "referrers", false, "also verify attachments")
	opts.trust.AddVerifyFlags(cmd.Flags())
	cmd.Flags().BoolVar(&opts.Repair, "repair", false, "remove files that nothing refers to from a layout or archive")
	cmd.Flags().StringVar(&opts.dir, "dir", "", "compare the files in `DIR` with those of TARGET, reading every byte")
	cmd.Flags().StringVar(&opts.platform, "platform", "", "with --dir, choose the manifest of an index for `OS/ARCH[/VARIANT]`")
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type verifyOptions struct {
	inspect.VerifyOptions
	target string

	dir, platform string // compare this directory with the artifact
	trust         signing.Trust
}

func runVerify(ctx context.Context, a *app.App, opts verifyOptions) error {
	if err := opts.trust.Check(); err != nil {
		return err
	}
	ref, err := paths.Parse(opts.target, registry.Parse)
	if err != nil {
		return err
	}
	switch {
	case opts.dir != "" && opts.Repair:
		return exit.Usagef("--dir compares files, and --repair removes files from a layout")
	case opts.dir != "":
		return verifyDirectory(ctx, a, opts)
	case opts.platform != "":
		return exit.Usagef("--platform goes with --dir")
	case opts.Repair && !ref.IsPath():
		return exit.Usagef("--repair is for layouts and archives, not for %s", ref)
	case !opts.Repair && ref.Reference() == "" && paths.IsPlainDirectory(ref):
		return verifyPulled(ctx, a, ref.Path, opts)
	}
	report, err := verifyTarget(ctx, a, ref, opts)
	if err != nil {
		return err
	}
	if len(report.Signatures)+len(report.Required) == 0 {
		a.Note("no signature was checked; --key FILE checks one")
	}
	if err := a.Print(report); err != nil {
		return err
	}
	return report.faultError(opts)
}

// verifyTarget verifies one registry reference, layout, or archive.
func verifyTarget(ctx context.Context, a *app.App, ref registry.Reference, opts verifyOptions) (*verifyResult, error) {
	mode := registry.Read
	if opts.Repair {
		mode = registry.Write
	}
	t, err := a.OpenExisting(ctx, ref, mode)
	if err != nil {
		return nil, err
	}
	report, err := app.Finish(ctx, t, func(t *app.Target) (*verifyResult, error) { return verifyIn(ctx, a, t, opts) })
	if err != nil {
		return nil, signing.AsNegative(err)
	}
	return report, nil
}

// faultError returns an error if there are faults, and otherwise nil.
func (r *verifyResult) faultError(opts verifyOptions) error {
	n := len(r.Faults)
	if n == 0 {
		return nil
	}
	err := artifact.Refused(r.Reference, "%s", term.Plural(n, "fault"))
	if r.IsIntact() {
		err = untidyError{err, r.Reference, opts.Repair}
	}
	return err
}

// untidyError is the error about a layout or archive whose artifacts are intact, but which has unreferenced files or no
// oci-layout.
type untidyError struct {
	error
	place    string
	repaired bool // with --repair: these faults remain
}

// Unwrap returns the error about the faults.
func (e untidyError) Unwrap() error { return e.error }

// Hint returns the command that removes the files, or why they remain.
func (e untidyError) Hint() string {
	if e.repaired {
		return "every artifact is intact; the remaining files are not davit's, or another tool may have written them within the last hour " +
			"and may list them soon: review and delete them yourself"
	}
	return fmt.Sprintf("every artifact is intact; \"%s\" removes the rest", shell.Command("davit", "verify", "--repair", e.place))
}

// verifyIn verifies the signature first: without one, nothing else needs to be read.
func verifyIn(ctx context.Context, a *app.App, t *app.Target, opts verifyOptions) (*verifyResult, error) {
	reference, signed, err := verifySignature(ctx, t, &opts.trust, nil)
	if err != nil {
		return nil, err
	}
	if reference == "" && (!t.Ref.IsPath() || t.Ref.Repository != "") {
		if err := t.Complete(ctx); err != nil {
			return nil, err
		}
		reference = t.Ref.Reference()
	}
	progress, stop := a.StartProgress()
	defer stop()
	opts.Progress, opts.Concurrency = progress, a.Registry.Concurrency
	report, err := inspect.Verify(ctx, t.Target, reference, opts.VerifyOptions)
	if err != nil {
		return nil, t.Explain(ctx, err)
	}
	report.Reference = t.Ref.String()
	r := &verifyResult{Report: report}
	if signed != nil {
		r.Signatures, r.Required = signed.Signatures, signed.Required
	}
	return r, nil
}

// verifySignature checks the signatures that flags require. It returns the reference to read: if a signature was checked, the
// digest of the target.
func verifySignature(ctx context.Context, t *app.Target, required *signing.Trust, p *ocispec.Platform) (string, *trust.Report, error) {
	if !required.IsSet() {
		return t.Ref.Reference(), nil, nil
	}
	desc, err := t.Find(ctx)
	if err != nil {
		return "", nil, err
	}
	signed, err := required.Verify(ctx, t, desc, p)
	return desc.Digest.String(), signed, err
}

// chooseWord returns missing if the fault is a missing file, otherwise extra.
func chooseWord(f inspect.Fault, missing, extra string) string {
	if f.Missing {
		return missing
	}
	return extra
}

// describeFault returns the problem of a manifest or blob, with its digest.
func describeFault(f inspect.Fault) string {
	if strings.Contains(f.Problem, f.Digest.String()) {
		return f.Problem
	}
	return f.Digest.String() + ": " + f.Problem
}

// addSigned adds a row for each signature that a key made, and for each signed attachment that is required.
func addSigned(t *term.Table, signatures []trust.Signature, required []trust.Required) {
	for _, s := range signatures {
		if s.Verified {
			t.Row("signed", s.Subject.String(), "by "+s.Key)
		}
	}
	for _, one := range required {
		t.Row("signed", one.Digest.String(), "by "+one.Key, one.Name)
	}
}

// verifyResult is the result of verify.
type verifyResult struct {
	*inspect.Report
	Signatures []trust.Signature `json:"signatures,omitempty"` // all that were read to find one by a given key
	Required   []trust.Required  `json:"required,omitempty"`
}

// WriteText prints signatures, repairs, and faults, or OK.
func (r *verifyResult) WriteText(w io.Writer) error {
	var t term.Table
	addSigned(&t, r.Signatures, r.Required)
	if err := t.WriteText(w); err != nil { // faults have other columns
		return err
	}
	t = term.Table{}
	for _, f := range r.Repaired {
		t.Row(chooseWord(f, "added", "removed"), f.Path, f.Problem)
	}
	for _, f := range r.Faults {
		if f.Path != "" {
			t.Row(chooseWord(f, "missing", "extra"), f.Path, f.Problem)
		} else {
			of := ""
			if len(f.Artifacts) > 0 {
				of = "in " + textdist.FirstFew(f.Artifacts)
			}
			t.Row(cmp.Or(f.Name, f.MediaType), describeFault(f), of)
		}
	}
	if err := t.WriteText(w); err != nil || len(r.Faults) > 0 {
		return err
	}
	return term.WriteLine(w, fmt.Sprintf("%s: %s, %s: OK", r.Reference, term.Plural(r.Checked, "blob"), term.Size(r.Size)))
}
