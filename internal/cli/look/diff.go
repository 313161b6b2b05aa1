package look

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull/diff"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newDiffCommand(a *app.App) *cobra.Command {
	var opts diffOptions
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare the files, config fields, and annotations of two artifacts",
		Long: `Compare two artifacts from any targets: their files, config fields, and annotations; on
request also the lines of text files, the tags, and the attachments. The exit code is 0 if they
are the same, 1 if they differ. Layers that both artifacts have are not fetched, except those of
container images.

A or B may be a directory, such as one that "davit pull" wrote: its files are compared with the
artifact's byte by byte, and extra files count as differences. "davit verify" ignores extra files.`,
		Example: `  davit diff registry.example.com/app:1.0 registry.example.com/app:1.1
  davit diff ./oci:old ./oci:new --text
  davit diff ./app.tar registry.example.com/app:1.0 --referrers --format json
  davit diff ./tiny registry.example.com/models/tiny:1.0 --text`,
		GroupID: app.GroupLook,
		Args:    app.Arguments(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDiff(cmd.Context(), a, args[0], args[1], opts)
		},
	}
	cmd.Flags().BoolVar(&opts.Text, "text", false, "show the lines of small text files that differ")
	cmd.Flags().BoolVar(&opts.Tags, "tags", false, "also compare the tags that point to each artifact")
	cmd.Flags().BoolVar(&opts.Referrers, "referrers", false, "also compare their attachments")
	cmd.Flags().StringVar(&opts.platform, "platform", "", "choose the manifest of an index for `OS/ARCH[/VARIANT]`")
	a.AddSideFlags(cmd.Flags(), "A", "B")
	return cmd
}

type diffOptions struct {
	diff.Options
	platform string
}

// hintAtTag returns err, the error from parsing argument i. If that is the second argument, and a tag rather than an existing path, the result
// suggests that tag in the repository of the first.
func hintAtTag(first registry.Reference, i int, text string, err error) error {
	if i == 0 || reference.ValidateTag(text) != nil {
		return err
	}
	if _, statErr := os.Lstat(text); statErr == nil {
		return err
	}
	first.Tag, first.Digest = text, ""
	return &exit.UsageError{Err: fmt.Errorf("%q is a tag, not a reference", text), Hint: fmt.Sprintf("did you mean %q?", first)}
}

func runDiff(ctx context.Context, a *app.App, from, to string, opts diffOptions) error {
	p, err := app.OptionalPlatform(opts.platform)
	if err != nil {
		return err
	}
	refs := make([]registry.Reference, 2)
	for i, s := range []string{from, to} {
		if refs[i], err = registry.ParseSource(s); err != nil {
			return hintAtTag(refs[0], i, s, err)
		}
	}
	if paths.IsPlainDirectory(refs[0]) || paths.IsPlainDirectory(refs[1]) {
		return diffDirectory(ctx, a, refs, p, opts)
	}
	if err := a.AssignBoth(refs[0], refs[1]); err != nil {
		return err
	}
	logins := []*app.Login{&a.Logins.From, &a.Logins.To}
	sides := make([]*app.Target, 2)
	for i, ref := range refs {
		t, err := a.OpenSide(ctx, logins[i], ref, registry.Read)
		if err != nil {
			return err
		}
		defer t.Close(ctx, nil)
		if err := t.Complete(ctx); err != nil {
			return err
		}
		sides[i] = t
	}
	side := func(t *app.Target) diff.Side { return diff.Side{Source: t.Target, Ref: t.Ref.Reference(), Platform: p} }
	difference, err := diff.Artifacts(ctx, side(sides[0]), side(sides[1]), opts.Options)
	if err != nil {
		for _, t := range sides {
			err = t.Explain(ctx, err)
		}
		return err
	}
	if difference.From != difference.To {
		a.NotePlatform(sides[0].Ref.String(), p, difference.Platform)
	}
	return diffResult{Difference: difference}.report(a)
}

// report prints the result, and returns exit.ErrNegative if the sides differ.
func (r diffResult) report(a *app.App) error {
	if err := a.Print(r); err != nil {
		return err
	}
	if !r.Same {
		return exit.ErrNegative
	}
	return nil
}

// diffDirectory compares a directory with an artifact; either may come first.
func diffDirectory(ctx context.Context, a *app.App, refs []registry.Reference, p *ocispec.Platform, opts diffOptions) error {
	dir, artifact := refs[0], refs[1]
	isSecond := !paths.IsPlainDirectory(dir)
	if isSecond {
		dir, artifact = artifact, dir
	}
	switch {
	case paths.IsPlainDirectory(artifact):
		return &exit.UsageError{Err: fmt.Errorf("%s and %s: neither is an artifact", refs[0], refs[1]), Hint: "only one of A and B may be a directory; \"diff -r\" compares two directories"}
	case dir.Reference() != "":
		return &exit.UsageError{Err: fmt.Errorf("%s: a directory has neither tags nor digests", dir)}
	case opts.Tags || opts.Referrers:
		return &exit.UsageError{Err: fmt.Errorf("--tags and --referrers compare two artifacts, and %s is a directory", dir)}
	}
	if err := a.AssignBoth(refs[0], refs[1]); err != nil {
		return err
	}
	login := &a.Logins.To
	if isSecond {
		login = &a.Logins.From
	}
	root, err := os.OpenRoot(dir.Path)
	if err != nil {
		return exit.FileError("directory", dir.Path, err)
	}
	defer root.Close()
	t, err := a.OpenSide(ctx, login, artifact, registry.Read)
	if err != nil {
		return err
	}
	defer t.Close(ctx, nil)
	if err := t.Complete(ctx); err != nil {
		return err
	}
	artifactSide := diff.Side{Source: t.Target, Ref: t.Ref.Reference(), Platform: p}
	difference, err := diff.Directory(ctx, root, artifactSide, diff.DirectoryOptions{Text: opts.Text, Second: isSecond})
	if err != nil {
		return t.Explain(ctx, err)
	}
	a.NotePlatform(t.Ref.String(), p, difference.Platform)
	return diffResult{difference, dir.Path}.report(a)
}

// diffResult is the result of diff.
type diffResult struct {
	*diff.Difference
	Directory string `json:"directory,omitempty"` // the side that is a directory
}

// WriteText prints a row for each difference, and the lines of text files that differ.
func (r diffResult) WriteText(w io.Writer) error {
	if r.Same {
		_, err := fmt.Fprintln(w, "the same")
		return err
	}
	var t term.Table
	for _, f := range r.Files {
		t.Row(string(f.Change), f.Path, describeChange(f))
	}
	addFields(&t, "config", dropDerived(r))
	addFields(&t, "annotation", r.Annotations)
	addFields(&t, "manifest", r.Manifest)
	addFields(&t, "tag", r.Tags)
	addFields(&t, "referrer", r.Referrers)
	if err := t.WriteText(w); err != nil {
		return err
	}
	for _, f := range r.Files {
		if _, err := io.WriteString(w, paintDiff(w, term.EscapeText(f.Text))); err != nil {
			return err
		}
	}
	return nil
}

// dropDerived returns the changed config fields. If files changed, it leaves out the digests of uncompressed layers, which change with
// every file; the JSON result has them.
func dropDerived(r diffResult) []diff.FieldChange {
	if len(r.Files) == 0 {
		return r.Config
	}
	return slices.DeleteFunc(slices.Clone(r.Config), func(f diff.FieldChange) bool {
		last := strings.ToLower(f.Field[strings.LastIndexByte(f.Field, '.')+1:])
		return last == "diff_ids" || last == "diffids"
	})
}

// paintDiff colors the lines of a unified diff as git does.
func paintDiff(w io.Writer, text string) string {
	screen, ok := w.(*term.Screen)
	if !ok || !screen.Colors {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		style := term.Plain
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "):
			style = term.Strong
		case strings.HasPrefix(line, "@@"):
			style = term.Hint
		case strings.HasPrefix(line, "-"):
			style = term.Failed
		case strings.HasPrefix(line, "+"):
			style = term.Good
		}
		lines[i] = style.Paint(line)
	}
	return strings.Join(lines, "\n")
}

// describeChange returns the sizes or modes of a changed file.
func describeChange(f diff.FileChange) string {
	switch {
	case f.From == nil && f.To == nil:
		return ""
	case f.From == nil:
		return term.Size(f.To.Size)
	case f.To == nil:
		return term.Size(f.From.Size)
	case f.Change == diff.ModeBit:
		before, _ := f.From.Mode.MarshalText() // never fails
		after, _ := f.To.Mode.MarshalText()
		return string(before) + " → " + string(after)
	case f.From.Size == f.To.Size:
		return term.Size(f.To.Size)
	}
	return term.Size(f.From.Size) + " → " + term.Size(f.To.Size)
}

// addFields adds rows for changed fields. Two lists are shown without their common beginning and end.
func addFields(t *term.Table, name string, fields []diff.FieldChange) {
	for _, f := range fields {
		from, to := f.From, f.To
		if a, ok := from.([]any); ok {
			if b, ok := to.([]any); ok {
				from, to = trimCommon(a, b)
			}
		}
		t.Row(name, f.Field, formatValue(from)+" → "+formatValue(to))
	}
}

// trimCommon removes the common beginning and end of two lists.
func trimCommon(a, b []any) ([]any, []any) {
	for len(a) > 0 && len(b) > 0 && reflect.DeepEqual(a[0], b[0]) {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && reflect.DeepEqual(a[len(a)-1], b[len(b)-1]) {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return a, b
}

// formatValue formats a value as JSON, shortened to maxShown. A string gets no quotes, and nil becomes "(none)".
func formatValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "(none)"
	case string:
		return term.Shorten(v, maxShown)
	}
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return term.Shorten(fmt.Sprint(v), maxShown)
	}
	return term.Shorten(strings.TrimSpace(text.String()), maxShown)
}
