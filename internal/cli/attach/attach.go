package attach

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pack/prune"
	"github.com/davit-oci/davit/pack/sign"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newAttachCommand(a *app.App) *cobra.Command {
	var opts attachOptions
	cmd := &cobra.Command{
		Use:   "attach SOURCE... SUBJECT",
		Short: "Pack files and attach them to an artifact or image as referrers",
		Long: `Pack each SOURCE and push it next to SUBJECT as a referrer of it, without a tag:
"davit discover SUBJECT" lists it. Nothing is attached twice. Each attachment has a name: that in
davit.yaml or --name, else the one in the document (the tool of a report, the subject of an
SBOM, the ID of VEX), else the name of the file. Documents in JSON Lines are attached one by one.

The date of an attachment, by which "davit detach" keeps the newest, is that in the document. For one
without a date, such as most SARIF reports, name it: -a org.opencontainers.image.created=TIME, where
TIME is as in 2026-01-31T12:00:00Z. An equal attachment without a date is then replaced.`,
		Example: `  davit attach sbom.spdx.json registry.example.com/app:1.0
  davit attach runbook.md sbom.cdx.json ./oci:1.0
  davit attach --replace scan.sarif registry.example.com/app:1.0
  davit attach scan.sarif registry.example.com/app:1.0 -a org.opencontainers.image.created=2026-01-31T12:00:00Z
  cat sbom.spdx.json | davit attach --file-name sbom.spdx.json - registry.example.com/app:1.0
  davit attach --each-platform sbom.spdx.json registry.example.com/app:1.0`,
		GroupID: app.GroupAttach,
		Args: func(cmd *cobra.Command, args []string) error {
			least := 2
			if opts.source.NamesFile() {
				least = 1
			}
			return app.Arguments(least, -1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.sources, opts.subject = args[:len(args)-1], args[len(args)-1]
			return runAttach(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.replace, "replace", false, "remove other referrers of the same type and name, and their signatures")
	cmd.Flags().BoolVar(&opts.eachPlatform, "each-platform", false, "attach to every platform's manifest instead of the index")
	opts.sign.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&opts.fileName, "file-name", "", "attach standard input, given as the source -, or a pipe as a file with this `NAME`")
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "show what would be attached and replaced, without doing it")
	opts.source.Documents = true
	opts.source.AddFlags(cmd.Flags())
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type attachOptions struct {
	sources      []string
	subject      string
	subjectRef   registry.Reference
	fileName     string
	source       source.Options
	replace      bool
	eachPlatform bool
	sign         signing.Flags
	dryRun       bool
}

// runAttach attaches every source as a separate referrer. All of them are read before the first is sent.
func runAttach(ctx context.Context, a *app.App, opts attachOptions) error {
	var err error
	opts.subjectRef, err = registry.Parse(opts.subject)
	if err != nil || opts.subjectRef.IsPath() && !strings.HasSuffix(opts.subject, ".tar") && !paths.IsLayout(opts.subject) {
		err = hintAtOrder(opts, err)
	}
	if err != nil {
		return err
	}
	if err := a.AssignLogin(&app.Login{}, opts.subjectRef); err != nil {
		return err
	}
	if n := countStreams(opts.sources); opts.fileName != "" && n != 1 {
		return &exit.UsageError{Err: fmt.Errorf("--file-name needs one source that is standard input or a pipe, got %d", n), Hint: "give - as the source"}
	}
	docs := documents{app: a, opts: &opts}
	defer docs.close()
	if opts.source.NamesFile() {
		if err := docs.openDeclared(); err != nil {
			return err
		}
	}
	for _, arg := range opts.sources {
		if err := docs.open(arg); err != nil {
			return hintAtStdin(arg, opts, err)
		}
	}
	plans := make([]*artifact.Plan, len(docs.opened))
	for i, s := range docs.opened {
		plans[i] = s.Plan
	}
	a.PrintNotes(plans...)
	signer, err := opts.sign.Signer(ctx, a, opts.subjectRef)
	if err != nil {
		return err
	}
	mode := registry.Write
	if opts.dryRun {
		mode = registry.Read
	}
	t, err := a.OpenReference(ctx, opts.subjectRef, mode)
	if err != nil {
		return err
	}
	existed := map[digest.Digest]bool{}
	all, err := app.Finish(ctx, t, func(t *app.Target) ([]*pack.Attached, error) {
		attached, err := attachAll(ctx, a, docs.opened, t, opts)
		if err != nil {
			return nil, err
		}
		if err := signAll(ctx, signer, t, attached); err != nil {
			return nil, err
		}
		for _, r := range slices.Backward(attached) { // of equal documents, the first is attached
			existed[r.Digest] = r.Skipped // removing others changes Skipped
		}
		err = removeReplaced(ctx, t, attached)
		if errors.As(err, new(*prune.StillAttachedError)) && !opts.replace { // only the date was requested, and it is set
			a.Warn("%v", err)
			err = nil
		}
		return attached, err
	})
	if err != nil && !errors.As(err, new(*prune.StillAttachedError)) {
		return err
	}
	notePredecessors(a, all)
	noteUnreplaced(a, opts, all)
	if printErr := a.Print(attachResult{all[0], all, signer.Made(), existed}); printErr != nil {
		return printErr
	}
	return err
}

// hintAtOrder returns a usage error with the arguments in the right order if the subject is a file and the first source is a
// reference. Otherwise it returns err.
func hintAtOrder(opts attachOptions, err error) error {
	opts.subject, _ = paths.CutType(opts.subject)
	if len(opts.sources) == 0 || !paths.Exists(opts.subject) || paths.Exists(opts.sources[0]) && !paths.IsLayout(opts.sources[0]) {
		return err
	}
	if _, parseErr := registry.Parse(opts.sources[0]); parseErr != nil {
		return err
	}
	words := slices.Concat([]string{"davit", "attach"}, opts.sources[1:], []string{opts.subject, opts.sources[0]})
	return &exit.UsageError{Err: fmt.Errorf("%q is a source: the subject is the last argument", opts.subject), Hint: shell.Command(words...)}
}

// signAll signs the attached artifacts, or in a dry run finds out what it would sign. It does nothing if no key was given.
func signAll(ctx context.Context, signer *signing.Signer, t *app.Target, attached []*pack.Attached) error {
	signOne := signer.In(t.Target)
	for _, r := range attached {
		var err error
		switch {
		case signOne == nil:
		case r.DryRun:
			err = signer.Preview(ctx, t.Target, r.Descriptor())
		default:
			err = signOne(ctx, r.Descriptor())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// countStreams returns the number of arguments that are standard input or a pipe.
func countStreams(args []string) (n int) {
	for _, arg := range args {
		if arg == "-" || source.IsStream(arg) {
			n++
		}
	}
	return n
}

// hintAtStdin adds a hint to the error about standard input or a pipe, which is read as a davit.yaml unless --file-name is given.
// The input was meant as a document if it has no kind, if it is not YAML, or if a flag describes plain files.
func hintAtStdin(arg string, opts attachOptions, err error) error {
	var problems artifact.Problems
	var usage *exit.UsageError
	if countStreams([]string{arg}) == 0 || opts.fileName != "" || !errors.As(err, &problems) && !errors.As(err, &usage) {
		return err
	}
	input := "standard input"
	if arg != "-" {
		input = arg
	}
	has := func(text string) bool { return source.HasProblem(err, text) }
	cause := ""
	switch {
	case has("is empty"):
		return exit.Usagef("%s is empty: the command before the pipe wrote nothing", input)
	case has("kind is missing"):
	case has("not YAML"), has("is larger than"), opts.source.DescribesPlain():
		cause, _, _ = strings.Cut(": "+err.Error(), "\n")
	default:
		return err
	}
	return &exit.UsageError{Err: errors.New(input + " is not a davit.yaml" + cause), Hint: "to attach it as a document, add --file-name NAME"}
}

// attachAll packs the sources and attaches each to the subject. It does not remove the attachments that they replace.
func attachAll(ctx context.Context, a *app.App, sources []*source.Source, t *app.Target, opts attachOptions) ([]*pack.Attached, error) {
	subject, err := t.Find(ctx)
	if err != nil {
		return nil, err
	}
	progress, stop := a.StartProgress()
	defer stop()
	var all []*pack.Attached
	told := map[string]bool{}
	for _, s := range sources {
		attach := pack.AttachOptions{Replace: opts.replace, EachPlatform: opts.eachPlatform, DryRun: opts.dryRun, KeepReplaced: true}
		_, attach.ReplaceTime = s.Spec.Annotations[ocispec.AnnotationCreated]
		var done func()
		if attach.Options, done, err = s.PackOptions(ctx, a); err != nil {
			return nil, err
		}
		attach.Progress = progress
		attached, err := pack.Attach(ctx, s.FS, s.Plan, pack.Attachment{Target: t.Target, Subject: subject}, attach)
		done()
		if err != nil {
			return nil, err
		}
		tellDate(a, s.Spec.Annotations, attached, told)
		all = append(all, attached...)
	}
	for _, r := range all {
		ref := t.Ref
		ref.Tag, ref.Digest = "", r.Digest
		r.Reference = ref.String()
	}
	return all, nil
}

// removeReplaced removes the referrers that the attachments replace, except those in all: an earlier run may have attached one of them.
// All attachments are pushed before, so they are complete even if the registry refuses deletion. In a dry run, it removes none of them.
func removeReplaced(ctx context.Context, t *app.Target, all []*pack.Attached) error {
	isOurs := func(old pack.Replaced) bool {
		return slices.ContainsFunc(all, func(r *pack.Attached) bool { return r.Digest == old.Digest })
	}
	seen := map[digest.Digest]bool{}
	var still prune.StillAttachedError
	for _, r := range all {
		var gone []ocispec.Descriptor
		r.Replaced = lists.Delete(r.Replaced, func(old pack.Replaced) bool { return isOurs(old) || seen[old.Digest] })
		for _, old := range r.Replaced {
			seen[old.Digest], r.Skipped = true, false
			gone = append(gone, ocispec.Descriptor{MediaType: old.MediaType, ArtifactType: old.ArtifactType, Digest: old.Digest, Size: old.Size})
		}
		if r.DryRun {
			continue
		}
		if _, err := prune.Referrers(ctx, t.Target, *r.Subject, gone); !still.Join(err) {
			return err
		}
		r.Kept, r.Replaced = lists.Split(r.Replaced, func(old pack.Replaced) bool { return still.Has(old.Digest) })
	}
	return still.OrNil()
}

// attachResult is the result of attach: the fields of the first referrer, usually the only one, and all of them.
type attachResult struct {
	*pack.Attached
	All        []*pack.Attached `json:"attached"`
	Signatures []sign.Signature `json:"signatures,omitempty"` // of all of them, made or found by --sign-key

	existed map[digest.Digest]bool // attached before, although others were replaced
}

// WriteText prints each attachment, and the referrers that it replaced.
func (r attachResult) WriteText(w io.Writer) error {
	for _, one := range r.All {
		attached, replaced := "attached", "replaced"
		if one.DryRun {
			attached, replaced = "would attach", "would replace"
		}
		if r.existed[one.Digest] {
			attached = "unchanged"
		}
		sent := results.Sent{Result: one.Result, Verb: attached, Platform: one.Platform}
		for _, s := range r.Signatures {
			if s.Subject == one.Digest {
				sent.Signatures = append(sent.Signatures, s)
			}
		}
		if err := sent.WriteText(w); err != nil {
			return err
		}
		var t term.Table
		for _, old := range one.Replaced {
			t.Row(replaced, old.Digest.String(), cmp.Or(old.Kind, old.ArtifactType), old.Name)
		}
		for _, old := range one.Kept {
			t.Row("still attached", old.Digest.String(), cmp.Or(old.Kind, old.ArtifactType), old.Name)
		}
		if err := t.WriteText(w); err != nil {
			return err
		}
	}
	return nil
}

// QuietLine returns the references of the attachments, one per line.
func (r attachResult) QuietLine() string {
	var lines []string
	for _, one := range r.All {
		lines = append(lines, one.Reference)
	}
	return strings.Join(lines, "\n")
}
