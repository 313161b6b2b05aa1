package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/cli/printer"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pack/sign"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newPushCommand(a *app.App) *cobra.Command {
	var opts pushOptions
	cmd := &cobra.Command{
		Use:   "push [SOURCE...] TARGET",
		Short: "Pack files and push them",
		Long: `Pack a source and send it to a registry, a layout, or an archive. Blobs that exist there are
not sent; tags move after everything else is stored.

A SOURCE is a directory with a davit.yaml (default: this one), a davit.yaml, "-" for a
davit.yaml on standard input, or plain files and directories, whose kind is detected.
A TARGET without a tag gets the artifact's version as its tag, else "latest".

An index of several platforms is declared in davit.yaml ("davit index" makes one of pushed artifacts):

  kind: image
  platforms:
    - {platform: linux/amd64, layers: [rootfs/amd64/]}
    - {platform: linux/arm64, layers: [rootfs/arm64/]}`,
		Example: `  davit push registry.example.com/models/tiny:1.0
  davit push model.gguf LICENSE registry.example.com/models/tiny --tag latest
  davit push --kind docs ./docs registry.example.com/docs:v2
  davit push . registry.example.com/app:v1 --dry-run
  davit push --from podman-volume:data registry.example.com/backups/data:v1`,
		GroupID: app.GroupMove,
		Args:    app.Arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.sources, opts.target = args[:len(args)-1], args[len(args)-1]
			return runPush(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringSliceVar(&opts.tags, "tag", nil, "add this `TAG` (repeatable)")
	cmd.Flags().BoolVar(&opts.force, "force", false, "push even if the kind's native client expects another tag, such as the version of a chart, or another repository")
	cmd.Flags().StringVar(&opts.from, "from", "", "pack what another program exports: `podman-volume:NAME`, as podman volume export writes it")
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "do not send anything; print what would be sent")
	for _, k := range kinds.Data() {
		if k.Tag != "" {
			cmd.Flags().BoolVar(opts.skipFlag(k.Name), "no-"+k.Name, false, "do not push "+k.Layers[0].Match[0]+" under the tag "+k.Tag)
		}
	}
	opts.ifAbsent.AddFlag(cmd.Flags())
	opts.sign.AddFlags(cmd.Flags())
	opts.source.AddFlags(cmd.Flags())
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type pushOptions struct {
	sources []string
	target  string // as the user wrote it
	source  source.Options
	tags    []string
	from    string // program and object to export, instead of sources
	dryRun  bool
	sign    signing.Flags
	force   bool
	skipped map[string]*bool // by kind: whether --no-KIND was given

	ifAbsent app.IfAbsent
}

// skipFlag returns a new variable for the flag --no-KIND.
func (o *pushOptions) skipFlag(kind string) *bool {
	if o.skipped == nil {
		o.skipped = map[string]*bool{}
	}
	o.skipped[kind] = new(bool)
	return o.skipped[kind]
}

// skipParts removes from a plan the parts that flags exclude.
func (o *pushOptions) skipParts(plan *spec.Plan) {
	plan.Parts = lists.Delete(plan.Parts, func(p spec.Part) bool {
		skip := o.skipped[p.Plan.Kind.Name]
		return len(p.Repositories) == 0 && skip != nil && *skip
	})
}

func runPush(ctx context.Context, a *app.App, opts pushOptions) error {
	if opts.from != "" && (len(opts.sources) > 0 || opts.source.NamesFile()) {
		return &exit.UsageError{Err: errors.New("--from excludes SOURCE and --file"), Hint: "leave one of them out"}
	}
	target, err := opts.parseTarget()
	if err != nil { // before any file is read: users mistype the target
		return err
	}
	if err := a.AssignLogin(&app.Login{}, target); err != nil {
		return err
	}
	if opts.from != "" {
		file, done, err := source.Export(ctx, opts.from, &opts.source)
		if err != nil {
			return err
		}
		defer done()
		opts.sources = []string{file}
	}
	s, err := source.Open(a, opts.sources, &opts.source, target)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := checkFound(s, target); err != nil && !opts.force {
		return err
	}
	warnOfName(a, s, target)
	opts.skipParts(s.Plan)
	a.ListLeftOut = opts.dryRun
	noteParts(s.Plan, target)
	a.PrintNotes(s.Plan)
	if opts.dryRun {
		return previewSend(ctx, a, s, sendOptions{target: target, tags: opts.tags, sign: opts.sign, ifAbsent: opts.ifAbsent})
	}
	return send(ctx, a, s, sendOptions{target: target, tags: opts.tags, verb: "pushed", sign: opts.sign, ifAbsent: opts.ifAbsent})
}

// parseTarget parses the last argument. It returns a usage error if the argument is a source, or if there is nothing to push.
func (o pushOptions) parseTarget() (registry.Reference, error) {
	target, err := registry.Parse(o.target)
	file, isTyped := paths.CutType(o.target)
	if isTyped {
		o.target = file
	}
	isSource := err != nil && paths.Exists(o.target)
	nothingHere := o.from == "" && len(o.sources) == 0 && !o.source.NamesFile() && !paths.Exists(source.Declaration)
	if err == nil && nothingHere {
		isSource = target.IsPath() && isFiles(target.Path)
		if !isSource && !o.source.NamesKind() {
			return target, source.NothingHere("(all of this directory: " + shell.Command("davit", "push", ".", o.target) + ")")
		}
	}
	if !isSource {
		if hint := source.SuggestTags(o.sources, o.target); err != nil && hint != "" {
			return target, &exit.UsageError{Err: fmt.Errorf("%q is not a target: other tags belong in --tag", o.target), Hint: hint}
		}
		return target, err
	}
	words := slices.Concat([]string{"davit", "push"}, o.sources, []string{o.target})
	for i, word := range o.sources {
		if _, err := registry.Parse(word); err == nil && !paths.Exists(word) {
			words = append(slices.Delete(words, i+2, i+3), word)
			return target, &exit.UsageError{
				Err:  fmt.Errorf("%q is a source: the target is the last argument", o.target),
				Hint: shell.Command(words...),
			}
		}
	}
	return target, &exit.UsageError{
		Err:  fmt.Errorf("%q is a source: the target is missing", o.target),
		Hint: shell.Command(words...) + " TARGET, where TARGET is a registry's HOST/REPO:TAG, or a path (./oci)",
	}
}

// isFiles reports whether a path is a file or a directory with files, but not a layout or a .tar archive.
func isFiles(name string) bool {
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		return err == nil && !strings.HasSuffix(name, ".tar")
	}
	entries, err := os.ReadDir(name)
	return err == nil && len(entries) > 0 && !paths.IsLayout(name) && !paths.Exists(filepath.Join(name, ocispec.ImageIndexFile))
}

// dryRunResult is the result of push --dry-run.
type dryRunResult struct {
	*pack.Preview
	Parts      []sentPart       `json:"parts,omitempty"`      // the parts that would be pushed
	Signatures []sign.Signature `json:"signatures,omitempty"` // that --sign-key would make
	LeftOut    []string         `json:"leftOut,omitempty"`    // files that are not packed
}

// WriteText prints the parts, the artifact, and each blob, with the totals.
func (r dryRunResult) WriteText(w io.Writer) error {
	if err := (sentResult{results.Sent{Result: r.Result, Verb: "would push", Signatures: r.Signatures}, r.Parts, nil}).WriteText(w); err != nil {
		return err
	}
	t := term.Table{}
	var tally printer.Tally // of blobs, as a push counts them
	for _, b := range r.Blobs {
		state, step := "exists", spec.Skipped
		if b.Send {
			state, step = "send", spec.Done
		}
		if !manifest.Is(b.MediaType) {
			tally.Report(spec.Event{Step: step, Descriptor: b.Descriptor})
		}
		t.Row(state, term.Size(b.Size), b.Digest.String(), b.MediaType, b.Name)
	}
	if err := t.WriteText(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "would send %s\n", &tally)
	return err
}

// QuietLine returns the reference with the digest.
func (r dryRunResult) QuietLine() string { return results.Sent{Result: r.Result}.QuietLine() }

// previewSend prints what send would do.
func previewSend(ctx context.Context, a *app.App, s *source.Source, opts sendOptions) error {
	signer, err := opts.sign.Signer(ctx, a, opts.target)
	if err != nil {
		return err
	}
	d, err := openDestination(ctx, a, s, opts, registry.Read)
	if err != nil {
		return err
	}
	defer d.close(ctx)
	preview, err := pack.PreviewPush(ctx, s.FS, s.Plan, d.dst, d.opts)
	if err != nil {
		return err
	}
	if err := opts.guard(s, d).Check(ctx, preview.Descriptor()); err != nil {
		return err
	}
	if err := d.previewSignature(ctx, signer, preview); err != nil {
		return err
	}
	untagged := d.ref
	untagged.Tag = "" // it may not exist, or not be moved yet
	if !a.Quiet {
		for _, note := range noteEarlier(ctx, d.target, untagged, preview.Result) {
			a.Note("%s", note)
		}
		a.PrintMoreWarnings(s.Plan, warnOfMoves(ctx, d.target, preview.Result))
	}
	preview.Reference = d.ref.String()
	a.PrintMoreWarnings(s.Plan, preview.Warnings)
	parts, err := previewParts(ctx, a, s, opts)
	if err != nil {
		return err
	}
	return a.Print(dryRunResult{preview, parts, signer.Made(), results.LeftOut(s.Plan)})
}
