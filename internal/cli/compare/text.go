package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull/diff"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxShown is the maximum number of characters of a value that are shown.
const maxShown = 120

// diffResult is the result of diff.
type diffResult struct {
	*diff.Difference
	Directory string `json:"directory,omitempty"` // the side that is a directory
	File      string `json:"file,omitempty"`      // the side that is a file
	Packed    bool   `json:"packed,omitempty"`    // the directory was packed as a push would, and that artifact compared
}

// report prints the result, and returns exit.ErrNegative if the sides differ. p is the platform that the user chose, or nil.
func (r diffResult) report(a *app.App, p *ocispec.Platform) error {
	if p == nil && r.Platform != nil && !r.Same {
		a.Note("the files for %s are compared; --platform chooses others", manifest.FormatPlatform(r.Platform))
	}
	if r.Packed && !r.Same {
		a.Note("%s is compared as \"davit push\" packs it", r.Directory)
	}
	if err := a.Print(r); err != nil {
		return err
	}
	if !r.Same {
		return exit.ErrNegative
	}
	return nil
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
	return lists.Delete(slices.Clone(r.Config), func(f diff.FieldChange) bool {
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
