package look

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/printer"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/term/markdown"
	"github.com/davit-oci/davit/pull/read"
	"github.com/davit-oci/davit/pull/referrers"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newShowCommand(a *app.App) *cobra.Command {
	var opts showOptions
	cmd := &cobra.Command{
		Use:   "show TARGET [PATH]",
		Short: "Show the readable part: README, docs page, model card, runbook, license, SBOM",
		Long: `Find the part of an artifact that people read and show it: Markdown laid out for the terminal,
the components of an SBOM counted by license, the content of a signed statement (its signature
is not verified), anything else unchanged. PATH names the file, as ls prints it. A terminal gets
color unless NO_COLOR is set, and a pager: $DAVIT_PAGER, $PAGER or less; "cat" turns it off.

--kind shows an attachment of TARGET instead. That is how to find the runbook of a running
image by its digest.`,
		Example: `  davit show registry.example.com/models/tiny:1.0
  davit show registry.example.com/models/tiny:1.0 LICENSE
  davit show --kind runbook registry.example.com/app@sha256:433258f6d541dab238abadec751d922c99f43e6dbb0cd35bc7cfc1c0be6fe731
  davit show --alert GreetingDown registry.example.com/app:1.0
  davit show --kind sbom registry.example.com/app:1.0 --platform linux/arm64`,
		GroupID: app.GroupLook,
		Args:    app.Arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.target = args[0]
			if len(args) > 1 {
				opts.path = strings.Trim(args[1], "/")
			}
			return runShow(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVar(&opts.Kind, "kind", "", "show the attachment of this `KIND` (or artifactType)")
	cmd.Flags().StringVar(&opts.Alert, "alert", "", "show the attached runbook for the alert `NAME`")
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
}

func runShow(ctx context.Context, a *app.App, opts showOptions) error {
	if opts.Alert != "" && opts.Kind == "" {
		opts.Kind = kinds.Alerting()
	}
	if opts.Latest && opts.Kind == "" {
		return &exit.UsageError{Err: errors.New("--latest chooses among attachments"), Hint: "add --kind KIND"}
	}
	platform, err := app.OptionalPlatform(opts.platform)
	if err != nil {
		return err
	}
	doc, err := app.With(ctx, a, opts.target, registry.Read, func(t *app.Target) (*read.Document, error) {
		return showIn(ctx, a, t, opts, platform)
	})
	if err != nil {
		return err
	}
	if !doc.Verified {
		a.Warn("%s was not verified: its layer is larger than 32 MiB, and only a part of it was fetched", doc.Path)
	}
	if f := a.Format.Name; f != "" && f != "text" {
		return a.Print(&showResult{Document: doc})
	}
	return a.Page(func(o markdown.Options) printer.Result { return &showResult{doc, o} })
}

func showIn(ctx context.Context, a *app.App, t *app.Target, opts showOptions, platform *ocispec.Platform) (*read.Document, error) {
	if err := t.Complete(ctx); err != nil {
		return nil, err
	}
	reference := t.Ref.Reference()
	if opts.Kind != "" {
		found, err := attachedTo(ctx, t, opts.AttachedOptions, platform)
		if err != nil {
			return nil, err
		}
		reference, platform = found.Manifest.String(), nil
		opts.path = cmp.Or(opts.path, found.Path)
	}
	reference, err := opts.trust.Pin(ctx, a, t, reference, platform)
	if err != nil {
		return nil, err
	}
	var known *artifact.Error
	doc, err := read.Readable(ctx, t.Target, reference, read.ReadableOptions{Platform: platform, Path: opts.path, Alert: opts.Alert})
	switch {
	case errors.Is(err, read.ErrNothingReadable) && errors.As(err, &known):
		return nil, &exit.MissingError{
			Text:   fmt.Sprintf("%s: %v", t.Ref, known.Err),
			Advice: fmt.Sprintf("\"davit ls %s\" lists its files", t.Ref),
		}
	case errors.Is(err, read.ErrNotReadable):
		return nil, &exit.UsageError{Err: err, Hint: fmt.Sprintf("\"davit cat %s PATH\" prints any file", t.Ref)}
	case err != nil:
		return nil, t.Explain(ctx, err)
	}
	doc.Reference = t.Ref.String()
	return doc, nil
}

// showResult is the result of show.
type showResult struct {
	*read.Document
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

// renderMarkdown renders a document with its front matter as a table above, without a title that is also the first heading.
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

// indented indents JSON and returns other text unchanged.
func indented(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}
