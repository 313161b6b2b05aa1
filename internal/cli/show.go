package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/term/markdown"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newShowCommand(a *app) *cobra.Command {
	var opts showOptions
	cmd := &cobra.Command{
		Use:   "show TARGET [PATH]",
		Short: "Shows the readable part: README, docs page, model card, runbook, licence, SBOM",
		Long: `Finds what people read in an artifact and shows it: Markdown laid out for the terminal, the
components of an SBOM counted by licence, what a signed statement says (its signature is not
verified), anything else as it is. PATH names the file, as ls prints it. A terminal gets colour
unless NO_COLOR is set, and a pager: $DAVIT_PAGER, $PAGER or less; "cat" is none.

--kind looks among what is attached to TARGET instead. That is how to find the runbook of
the image that runs, by its digest.`,
		Example: `  davit show registry.example.com/models/tiny:1.0
  davit show registry.example.com/models/tiny:1.0 LICENSE
  davit show --kind runbook registry.example.com/app@sha256:433258f6d541dab238abadec751d922c99f43e6dbb0cd35bc7cfc1c0be6fe731
  davit show --alert GreetingDown registry.example.com/app:1.0
  davit show --kind sbom registry.example.com/app:1.0 --platform linux/arm64`,
		GroupID: groupLook,
		Args:    arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.target = args[0]
			if len(args) > 1 {
				opts.path = strings.Trim(args[1], "/")
			}
			return a.show(cmd.Context(), opts)
		},
	}
	cmd.Flags().StringVar(&opts.Kind, "kind", "", "what of this `KIND` (or artifactType) is attached to TARGET")
	cmd.Flags().StringVar(&opts.Alert, "alert", "", "the runbook that is attached to TARGET for the alert `NAME`")
	cmd.Flags().BoolVar(&opts.Latest, "latest", false, "of several that are attached the newest")
	cmd.Flags().StringVar(&opts.platform, "platform", "", "of an index the manifest for `OS/ARCH[/VARIANT]`")
	a.addRegistryFlags(cmd.Flags())
	return cmd
}

type showOptions struct {
	pull.AttachedOptions
	target, path string
	platform     string
}

func (a *app) show(ctx context.Context, opts showOptions) error {
	if opts.Alert != "" && opts.Kind == "" {
		opts.Kind = "runbook"
	}
	if opts.Latest && opts.Kind == "" {
		return &usageError{err: errors.New("--latest chooses among what is attached"), hint: "say what with --kind"}
	}
	platform, err := optionalPlatform(opts.platform)
	if err != nil {
		return err
	}
	t, err := a.open(ctx, opts.target, registry.Read)
	if err != nil {
		return err
	}
	doc, err := showIn(ctx, t, opts, platform)
	if err := t.close(ctx, err); err != nil {
		return err
	}
	if f := a.format.name; f != "" && f != "text" {
		return a.print(&showResult{Document: doc})
	}
	return a.page(func(o markdown.Options) result { return &showResult{doc, o} })
}

func showIn(ctx context.Context, t *target, opts showOptions, platform *ocispec.Platform) (*pull.Document, error) {
	if err := t.complete(ctx); err != nil {
		return nil, err
	}
	reference := t.ref.Reference()
	if opts.Kind != "" {
		found, err := attachedTo(ctx, t, opts.AttachedOptions, platform)
		if err != nil {
			return nil, err
		}
		reference, platform = found.Manifest.String(), nil
		opts.path = cmp.Or(opts.path, found.Path)
	}
	var known *artifact.Error
	doc, err := pull.Readable(ctx, t.Target, reference, pull.ReadableOptions{Platform: platform, Path: opts.path})
	switch {
	case errors.Is(err, pull.ErrNothingReadable) && errors.As(err, &known):
		return nil, &missingError{fmt.Sprintf("%s: %v", t.ref, known.Err), fmt.Sprintf("\"davit ls %s\" lists its files", t.ref)}
	case errors.Is(err, pull.ErrNotReadable):
		return nil, &usageError{err: err, hint: fmt.Sprintf("\"davit cat %s PATH\" prints any file", t.ref)}
	case err != nil:
		return nil, t.explain(ctx, err)
	}
	doc.Reference = t.ref.String()
	return doc, nil
}

// attachedTo finds what is meant among the referrers, else in the index. The digest of an image in a registry is enough for
// referrers: the image itself is not asked for.
func attachedTo(ctx context.Context, t *target, opts pull.AttachedOptions, platform *ocispec.Platform) (*pull.Statement, error) {
	subject := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: t.ref.Digest}
	var err error
	switch {
	case platform != nil:
		var info *pull.Info
		info, err = pull.Inspect(ctx, t.Target, t.ref.Reference(), pull.InspectOptions{Shallow: true, Platform: platform})
		if err == nil {
			subject = ocispec.Descriptor{MediaType: info.MediaType, Digest: info.Digest, Size: info.Size}
		}
		err = t.explain(ctx, err)
	case t.ref.IsPath() || t.ref.Digest == "":
		subject, err = t.resolve(ctx)
	}
	if err != nil {
		return nil, err
	}
	found, err := pull.Attached(ctx, t.Target, subject, opts)
	var none *pull.NoneAttachedError
	var several *pull.SeveralAttachedError
	switch {
	case errors.As(err, &none):
		inIndex, err := pull.StatementInIndex(ctx, t.Target, t.ref.Reference(), platform, opts)
		if errors.As(err, new(*pull.NoneAttachedError)) {
			return nil, noneAttached(ctx, t, none)
		}
		return inIndex, t.explain(ctx, err)
	case errors.As(err, &several):
		return nil, &severalError{t.ref, several}
	case err != nil:
		return nil, err
	}
	return &pull.Statement{Manifest: found.Digest}, nil
}

// noneAttached says what is attached instead, or where: that is worth more requests.
func noneAttached(ctx context.Context, t *target, none *pull.NoneAttachedError) error {
	e := &missingError{text: fmt.Sprintf("%s: no %s is attached", t.ref, none.Options.Kind)}
	if none.Options.Alert != "" {
		e.text += fmt.Sprintf(" for the alert %q", none.Options.Alert)
	}
	var alerts []string
	for _, r := range none.Others {
		alerts = append(alerts, r.Alerts()...)
	}
	if len(alerts) > 0 {
		slices.Sort(alerts)
		e.advice = "there are runbooks for " + strings.Join(slices.Compact(alerts), ", ")
		return e
	}
	place, err := pull.Elsewhere(ctx, t.Target, none.Subject, none.Options)
	switch {
	case err != nil:
		return t.explain(ctx, err)
	case place != nil:
		e.advice = elsewhere(t.ref, place, none.Options)
	default:
		e.advice = hintForKind(none.Options.Kind)
	}
	if e.advice == "" {
		e.advice = fmt.Sprintf("\"davit discover %s\" lists what is attached", t.ref)
	}
	return e
}

// elsewhere is the command that shows what is attached to the index of a manifest, or to a manifest of an index.
func elsewhere(ref registry.Reference, place *pull.Place, opts pull.AttachedOptions) string {
	what := fmt.Sprintf("one is attached to its manifest for %s", manifest.FormatPlatform(place.Platform))
	ref.Tag, ref.Digest = place.Tag, place.Digest
	if place.Tag != "" {
		what = fmt.Sprintf("one is attached to the index %q, which has this manifest", place.Tag)
	}
	flags := "--kind " + opts.Kind
	if opts.Alert != "" {
		flags = "--alert " + opts.Alert
	}
	if place.Tag != "" && place.Platform != nil {
		what = fmt.Sprintf("the index %q has one about this manifest", place.Tag)
		flags += " --platform " + manifest.FormatPlatform(place.Platform)
	}
	return fmt.Sprintf("%s: davit show %s %s", what, flags, ref)
}

// hintForKind suggests a kind for a name that is not one.
func hintForKind(name string) string {
	var names []string
	for _, k := range mediatypes.All() {
		if k.Name == name {
			return ""
		}
		names = append(names, k.Name)
	}
	return textdist.DidYouMean(name, names)
}

// severalError: it is for the user to say which one.
type severalError struct {
	ref  registry.Reference
	pull *pull.SeveralAttachedError
}

func (e *severalError) Error() string {
	text := fmt.Sprintf("%s: %d of the kind %s are attached", e.ref, len(e.pull.Referrers), e.pull.Options.Kind)
	if e.pull.Options.Latest {
		text += ", and none says that it is the latest"
	}
	return text
}

// hints are the commands that show them, the newest first.
func (e *severalError) hints() []string {
	const most = 10
	var lines []string
	alerts := false
	for i := len(e.pull.Referrers) - 1; i >= 0 && len(lines) < most; i-- {
		r, ref := e.pull.Referrers[i], e.ref
		ref.Tag, ref.Digest = "", r.Digest
		alerts = alerts || len(r.Alerts()) > 0
		lines = append(lines, strings.TrimRight(fmt.Sprintf("davit show %s  %s", ref, tellApart(r)), " "))
	}
	if alerts && e.pull.Options.Alert == "" {
		return append(lines, "or choose one with --alert NAME")
	}
	return lines
}

// tellApart is what tells a referrer from others of its kind.
func tellApart(r *pull.Referrer) string {
	var words []string
	for _, key := range []string{ocispec.AnnotationTitle, ocispec.AnnotationCreated, mediatypes.RunbookService, mediatypes.RunbookSeverity} {
		if value := r.Annotations[key]; value != "" {
			words = append(words, value)
		}
	}
	if states := stated(r); states != "" {
		words = append(words, states)
	}
	if alerts := r.Alerts(); len(alerts) > 0 {
		words = append(words, "alerts "+strings.Join(alerts, ", "))
	}
	if len(words) == 0 {
		return ""
	}
	return "# " + strings.Join(words, "; ")
}

// showResult is what show prints.
type showResult struct {
	*pull.Document
	options markdown.Options
}

// WriteText renders the document.
func (r *showResult) WriteText(w io.Writer) error {
	var text string
	switch {
	case r.SBOM != nil:
		return writeSBOM(w, r.Document)
	case r.IsMarkdown():
		text = renderMarkdown(r.Text, r.options)
	default:
		text = term.Text(indented(r.Text))
	}
	if r.Signature != "" {
		text = "signature  " + r.Signature + "\n\n" + text
	}
	_, err := io.WriteString(w, text)
	return err
}

// renderMarkdown shows front matter as a table above the text, without the title that is the first heading too.
func renderMarkdown(text string, opts markdown.Options) string {
	front, body := frontmatter.Read([]byte(text))
	first, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	var fields []markdown.Field
	for _, f := range front {
		heading := f.Name == "title" && strings.TrimSpace(first) == "# "+f.Value
		if f.Value != "" && !heading {
			fields = append(fields, markdown.Field(f))
		}
	}
	rendered := markdown.Render(string(body), opts)
	if len(fields) == 0 {
		return rendered
	}
	return markdown.Header(fields, opts) + "\n" + rendered
}

// indented lays JSON out in lines; other text stays.
func indented(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}

// mostLicences is how many licences of an SBOM are listed.
const mostLicences = 25

// writeSBOM prints what an SBOM says at a glance.
func writeSBOM(w io.Writer, doc *pull.Document) error {
	var head, licences term.Table
	s := doc.SBOM
	head.Field("about", s.Name)
	head.Field("signature", doc.Signature)
	head.Row("format", s.Format)
	head.Row("components", fmt.Sprint(s.Components))
	licences.Row("COMPONENTS", "LICENCE")
	for i, l := range s.Licenses {
		if i == mostLicences {
			licences.Row("", fmt.Sprintf("and %d more licences", len(s.Licenses)-i))
			break
		}
		name := l.License
		if name == "" {
			name = "(none stated)"
		}
		licences.Row(fmt.Sprintf("%*d", len("COMPONENTS"), l.Components), name)
	}
	if err := head.WriteText(w); err != nil || len(s.Licenses) == 0 {
		return err
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	return licences.WriteText(w)
}
