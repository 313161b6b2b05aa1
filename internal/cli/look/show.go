package look

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
	"github.com/davit-oci/davit/internal/cli/order"
	"github.com/davit-oci/davit/internal/cli/printer"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/missing"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/term/markdown"
	"github.com/davit-oci/davit/pull/read"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/errdef"
)

func newShowCommand(a *app.App) *cobra.Command {
	var opts showOptions
	cmd := &cobra.Command{
		Use:   "show TARGET [PATH]",
		Short: "Show the readable part: README, docs page, model card, runbook, license, SBOM",
		Long: `Find the part of an artifact that people read and show it: Markdown and HTML laid out for the terminal,
the components of an SBOM counted by license, a summary of reports, VEX, and attestations, the content of a signed statement (its signature
is not verified), anything else unchanged. Facts about a model or a Dev Container Feature, and the options of a Feature, come first.
PATH names the file, as ls prints it. A terminal gets color unless NO_COLOR is set, and a pager: $DAVIT_PAGER, $PAGER, or less; "cat"
turns it off.

--kind shows the attachments of TARGET instead: all of them or, with --latest, the newest. Equal
documents are shown once. So the digest of a running image leads to its runbook. What is attached
to the index of TARGET, or to another platform, is shown with a note. A TARGET without such
attachments that is itself of the KIND is shown. --alert without a name lists the alerts for
which there are runbooks.`,
		Example: `  davit show registry.example.com/models/tiny:1.0
  davit show registry.example.com/models/tiny:1.0 LICENSE
  davit show --kind runbook registry.example.com/app@sha256:433258f6d541dab238abadec751d922c99f43e6dbb0cd35bc7cfc1c0be6fe731
  davit show --alert GreetingDown registry.example.com/app:1.0
  davit show --alert registry.example.com/app:1.0
  davit show --kind sbom registry.example.com/app:1.0 --platform linux/arm64`,
		GroupID: app.GroupLook,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.setArguments(cmd, args); err != nil {
				return err
			}
			return runShow(cmd.Context(), a, opts)
		},
	}
	results.AddKinds(cmd.Flags(), &opts.Kind, "show the attachments of this `KIND` (or artifactType; repeatable)")
	cmd.Flags().StringVar(&opts.Alert, "alert", "", "show the attached runbooks for the alert `NAME`; without a name, list the alerts")
	cmd.Flags().Lookup("alert").Annotations = map[string][]string{app.MayBeEmpty: {}}
	cmd.Flags().BoolVar(&opts.Latest, "latest", false, "choose the newest of several attachments")
	cmd.Flags().StringVar(&opts.platform, "platform", "", "choose the manifest of an index for `OS/ARCH[/VARIANT]`")
	opts.trust.AddFlags(cmd.Flags())
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type showOptions struct {
	referrers.AttachedOptions
	target, path string
	platform     string
	trust        signing.Trust
	of           *ocispec.Platform // --platform, parsed
	listAlerts   bool              // --alert was given without a name
}

// setArguments sets the target and path. If --alert without a name is the last flag, its value is the target.
func (o *showOptions) setArguments(cmd *cobra.Command, args []string) error {
	alerts := cmd.Flags().Changed("alert")
	if alerts && len(args) == 0 && o.Alert != "" {
		if _, err := registry.ParseSource(o.Alert); err != nil && !strings.ContainsAny(o.Alert, "./:@") {
			return &exit.UsageError{Err: errors.New("davit show: TARGET is missing"), Hint: shell.Command("davit", "show", "--alert", o.Alert, "TARGET")}
		}
		args, o.Alert = []string{o.Alert}, ""
	}
	if err := cobra.MatchAll(order.CheckPath, app.Arguments(1, 2))(cmd, args); err != nil {
		return err
	}
	if !alerts && len(args) == 2 {
		if err := order.CheckTargetFirst(cmd, args, o.hintAtAlert(args[0], args[1])); err != nil {
			return err
		}
	}
	o.target, o.listAlerts = args[0], alerts && o.Alert == ""
	if len(args) > 1 {
		o.path = strings.Trim(args[1], "/")
	}
	return nil
}

// hintAtAlert returns the hint for a path that may be meant as an alert, or "".
func (o *showOptions) hintAtAlert(path, target string) string {
	alerting := kinds.Alerting()
	if path == "" || strings.ContainsAny(path, "./") || o.Alert != "" || o.Kind != "" && !slices.Contains(strings.Split(o.Kind, ","), alerting) {
		return ""
	}
	return "the runbook for an alert: " + shell.Command("davit", "show", "--alert", path, target)
}

func runShow(ctx context.Context, a *app.App, opts showOptions) error {
	if (opts.Alert != "" || opts.listAlerts) && opts.Kind == "" {
		opts.Kind = kinds.Alerting()
	}
	if opts.Latest && opts.Kind == "" {
		return &exit.UsageError{Err: errors.New("--latest chooses among attachments"), Hint: "add --kind KIND"}
	}
	var err error
	if opts.of, err = app.OptionalPlatform(opts.platform); err != nil {
		return err
	}
	if opts.listAlerts {
		list, err := app.With(ctx, a, opts.target, registry.Read, func(t *app.Target) (*alertResult, error) {
			list, err := listAlerts(ctx, t, opts)
			if f := a.Format.Name; err == nil && f != "" && f != "text" {
				err = list.addFiles(ctx, t)
			}
			return list, err
		})
		if err != nil {
			return err
		}
		return a.Print(list)
	}
	result, err := app.With(ctx, a, opts.target, registry.Read, func(t *app.Target) (*showResult, error) {
		return showIn(ctx, a, t, opts)
	})
	if err != nil {
		return err
	}
	for _, doc := range append(slices.Clip(result.Documents), result.Document) {
		if !doc.Verified {
			a.Warn("the digest of the layer with %s was not verified: the layer is larger than 32 MiB, and only a part of it was fetched", doc.Path)
			break
		}
	}
	if result.Note != "" {
		a.Note("%s", result.Note)
	}
	if link := findLink(result.Document); link != "" {
		a.Note("to show a linked page: %s", shell.Command("davit", "show", result.linked, link))
	}
	if f := a.Format.Name; f != "" && f != "text" {
		for _, doc := range append(slices.Clip(result.Documents), result.Document) {
			doc.Signature = cmp.Or(doc.Signature, read.NotVerified) // beside verified, which is about the digest
		}
		return a.Print(result)
	}
	return a.Page(func(o markdown.Options) printer.Result {
		result.options = o
		return result
	})
}

// maxShownDocuments limits the attachments that are shown at once.
const maxShownDocuments = 10

// showIn reads the document of a target or, with --kind, of its attachments.
func showIn(ctx context.Context, a *app.App, t *app.Target, opts showOptions) (*showResult, error) {
	if err := t.Complete(ctx); err != nil {
		return nil, err
	}
	r := &showResult{}
	all := []shown{{t.Ref.Reference(), opts.path}}
	if opts.Kind != "" {
		var err error
		if all, r.Note, err = findAttached(ctx, t, opts); err != nil {
			return nil, err
		}
		opts.of = nil
	}
	for i, one := range all {
		if i == maxShownDocuments {
			r.More = len(all) - i
			break
		}
		one.path = cmp.Or(opts.path, one.path)
		doc, err := readIn(ctx, a, t, one, opts)
		if err != nil {
			return nil, err
		}
		isSame := func(other *read.Document) bool { return doc.Text != "" && other.Text == doc.Text }
		if !slices.ContainsFunc(r.Documents, isSame) {
			r.Documents = append(r.Documents, doc)
		}
	}
	r.Document, r.linked = r.Documents[0], opts.target
	if opts.Kind != "" || opts.of != nil { // the target alone leads to other files
		r.linked = manifestOf(t, r.Digest).Ref.String()
	}
	if opts.Kind == "" {
		a.NotePlatform(t.Ref.String(), opts.of, r.Platform)
	}
	if opts.Kind == "" && r.Signature == "" {
		r.Signature = nameUnverified(ctx, t, r.Document)
	}
	if len(r.Documents) == 1 {
		r.Documents = nil
	}
	return r, nil
}

// manifestOf returns the target as another manifest in its repository, such as an attachment.
func manifestOf(t *app.Target, manifest digest.Digest) *app.Target {
	ref := t.Ref
	ref.Tag, ref.Digest = "", manifest
	return t.At(ref)
}

// readIn reads one document.
func readIn(ctx context.Context, a *app.App, t *app.Target, one shown, opts showOptions) (*read.Document, error) {
	reference, keys, err := opts.trust.PinKeys(ctx, a, t, one.manifest, opts.of)
	if err != nil {
		return nil, err
	}
	own := t // what messages name
	if opts.Kind != "" {
		own = manifestOf(t, digest.Digest(one.manifest))
	}
	var known *artifact.Error
	doc, err := read.Readable(ctx, t.Target, reference, read.ReadableOptions{Platform: opts.of, Path: one.path, Alert: opts.Alert})
	switch {
	case errors.Is(err, read.ErrNothingReadable) && errors.As(err, &known):
		return nil, &exit.MissingError{
			Text: fmt.Sprintf("%s: %v", own.Ref, known.Err),
			Advice: cmp.Or(hintAtAttached(ctx, t, opts.Kind), fmt.Sprintf("\"%s\" describes it, and \"%s\" lists its files",
				shell.Command("davit", "inspect", own.Ref.String()), shell.Command("davit", "ls", own.Ref.String()))),
		}
	case errors.Is(err, read.ErrNotReadable):
		return nil, &exit.UsageError{Err: err, Hint: fmt.Sprintf("\"%s PATH\" prints any file", shell.Command("davit", "cat", own.Ref.String()))}
	case errors.Is(err, errdef.ErrUnsupported) && one.path != "":
		return nil, &exit.UsageError{Err: err, Hint: fmt.Sprintf("\"%s\" lists its files", shell.Command("davit", "ls", own.Ref.String(), one.path))}
	case err != nil:
		var unknown *missing.NameError
		isFile := errors.As(err, &unknown) && !unknown.IsDirectory()
		err = own.Explain(ctx, err)
		if missing := (*exit.MissingError)(nil); isFile && errors.As(err, &missing) {
			missing.Advice = strings.TrimSuffix(missing.Advice+"\n"+opts.hintAtAlert(one.path, t.Ref.String()), "\n")
		}
		return nil, err
	}
	doc.Reference = t.Ref.String()
	doc.Signature = describeSignature(doc, keys)
	return doc, nil
}

// hintAtAttached returns a hint with a line for each kind of attachments that is not in the list except, with the command that shows them.
func hintAtAttached(ctx context.Context, t *app.Target, except string) string {
	ctx, cancel := fetch.ForHint(ctx)
	defer cancel()
	subject, err := t.Find(ctx)
	if err != nil {
		return ""
	}
	all, err := referrers.List(ctx, t.Target, subject, referrers.Options{})
	if err != nil {
		return "" // the error about the artifact itself is the one to report
	}
	var lines []string
	for i := 0; i < len(all); { // sorted by kind
		kind, n := cmp.Or(all[i].Kind, all[i].ArtifactType), 0
		for ; i < len(all) && cmp.Or(all[i].Kind, all[i].ArtifactType) == kind; i++ {
			n++
		}
		if slices.Contains(strings.Split(except, ","), kind) {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s of kind %s: %s", term.Plural(n, "attachment"), kind, shell.Command("davit", "show", "--kind", kind, t.Ref.String())))
	}
	return strings.Join(lines, "\n")
}

// showResult is the result of show: the fields of the first document, usually the only one, and all of them if there are
// several.
type showResult struct {
	*read.Document
	Documents []*read.Document `json:"documents,omitempty"`
	Note      string           `json:"note,omitempty"`
	More      int              `json:"more,omitempty"` // documents that are not shown

	options markdown.Options
	linked  string // the artifact that has the linked pages
}

// WriteText renders the documents.
func (r *showResult) WriteText(w io.Writer) error {
	all := r.Documents
	if len(all) == 0 {
		all = []*read.Document{r.Document}
	}
	for i, doc := range all {
		if len(all) > 1 {
			between := ""
			if i > 0 {
				between = "\n\n"
			}
			text := fmt.Sprintf("%s%d of %d  %s\n\n", between, i+1, len(all), term.Escape(doc.Digest.String()))
			if _, err := io.WriteString(w, text); err != nil {
				return err
			}
		}
		if err := (rendering{doc, r.options}).WriteText(w); err != nil {
			return err
		}
	}
	if r.More > 0 {
		_, err := fmt.Fprintf(w, "\n%d more; \"davit discover\" lists them all\n", r.More)
		return err
	}
	return nil
}
