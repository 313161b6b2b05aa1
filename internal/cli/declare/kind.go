package declare

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/mediatypes"
)

// kindResult is the result of kinds for one kind.
type kindResult struct {
	mediatypes.Kind
	page string // an example page whose front matter fills the config; may be empty
}

// WriteYAML prints the kind as a kind file.
func (r kindResult) WriteYAML(w io.Writer) error {
	data, err := artifact.KindFile(r.Kind)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// WriteText prints the types, layers, config fields, and examples of the kind.
func (r kindResult) WriteText(w io.Writer) error {
	if err := term.WriteLine(w, r.Name+": "+r.Summary); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	for _, write := range []func(io.Writer) error{r.writeTypes, r.writeLayers, r.writeConfig, r.writeExample} {
		if err := write(w); err != nil {
			return err
		}
	}
	return nil
}

func (r kindResult) writeTypes(w io.Writer) error {
	var t term.Table
	t.Field("artifactType", r.ArtifactType)
	if r.TypeFromLayer {
		t.Row("artifactType", "the media type of its first layer")
	}
	t.Field("config", r.Config.MediaType)
	t.Field("also read", strings.Join(r.Types, ", "))
	t.Field("tag", r.Tag)
	t.Field("clients", strings.Join(r.Clients, ", "))
	if r.ReadOnly {
		t.Row("", "recognized and shown, never packed")
	}
	return t.WriteText(w)
}

func (r kindResult) writeLayers(w io.Writer) error {
	if len(r.Layers) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w, "\nlayers:"); err != nil {
		return err
	}
	var t term.Table
	t.Header("  ROLE", "MEDIA TYPE", "PACKING", "HOW MANY", "FILES")
	var last []string
	for _, l := range r.Layers {
		packing := l.Packing
		if packing == "" {
			packing = mediatypes.Raw
		}
		row := []string{"  " + l.Role, l.MediaType, string(packing), formatCount(l), strings.Join(l.Match, " ")}
		if !slices.Equal(row, last) { // roles that differ only in what they recognize
			t.Row(row...)
		}
		last = row
	}
	return t.WriteText(w)
}

// formatCount formats the number of layers that a role may have: "1", "0-1", "1 or more", or "any".
func formatCount(l mediatypes.LayerType) string {
	switch {
	case l.Max == 0 && l.Min == 0:
		return "any"
	case l.Max == 0:
		return fmt.Sprintf("%d or more", l.Min)
	case l.Max == l.Min:
		return fmt.Sprint(l.Min)
	}
	return fmt.Sprintf("%d-%d", l.Min, l.Max)
}

func (r kindResult) writeConfig(w io.Writer) error {
	fields, _ := r.Config.Schema["properties"].(map[string]any)
	if len(fields) == 0 {
		return nil
	}
	header := "\nconfig fields:"
	if from, ok := r.Config.Schema["description"].(string); ok {
		header += " " + from
	}
	if _, err := fmt.Fprintln(w, header); err != nil {
		return err
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	var t term.Table
	t.Header("  FIELD", "TYPE", "MEANING")
	for _, name := range names {
		field, _ := fields[name].(map[string]any)
		description, _ := field["description"].(string)
		if values, ok := field["enum"].([]any); ok {
			description = strings.TrimSuffix("one of "+join(values, ", ")+"; "+description, "; ")
		}
		t.Row("  "+name, schemaType(field), description)
	}
	return t.WriteText(w)
}

// schemaType returns the type that a schema names: "string" for an enum of strings, and "any" if it names none.
func schemaType(schema map[string]any) string {
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		return join(t, " or ")
	}
	values, _ := schema["enum"].([]any)
	isText := func(v any) bool { _, ok := v.(string); return ok }
	if len(values) > 0 && !slices.ContainsFunc(values, func(v any) bool { return !isText(v) }) {
		return "string"
	}
	return "any"
}

// join formats values of a schema, and joins them.
func join(values []any, separator string) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, separator)
}

func (r kindResult) writeExample(w io.Writer) error {
	if r.Example == "" {
		return nil
	}
	if r.page != "" {
		if _, err := fmt.Fprintf(w, "\na page whose front matter fills the config:\n  %s\n", strings.ReplaceAll(strings.TrimSpace(r.page), "\n", "\n  ")); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\ndavit.yaml:\n  %s\n", strings.ReplaceAll(strings.TrimSpace(r.Example), "\n", "\n  "))
	return err
}
