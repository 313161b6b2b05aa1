package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/spf13/cobra"
)

func newKindsCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "kinds [KIND]",
		Short: "Lists the kinds of artifacts, or tells what one is made of",
		Long: `Lists the kinds of artifacts that davit knows; with a name, or the path of a kind file, its
media types, the roles of its layers, its config fields, the clients that read it and an
example. --format yaml prints the kind as a file, to begin a kind of one's own with.`,
		Example:     "  davit kinds\n  davit kinds model\n  davit kinds docs --format yaml > ours.kind.yaml",
		GroupID:     groupDeclare,
		Args:        arguments(0, 1),
		Annotations: map[string]string{"formats": "yaml"},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return kindNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.kinds(args) },
	}
}

func (a *app) kinds(args []string) error {
	if len(args) == 0 {
		if a.format.name == "yaml" {
			return &usageError{err: fmt.Errorf("--format yaml prints one kind"), hint: "name it: davit kinds model --format yaml"}
		}
		return a.print(kindsResult{mediatypes.All()})
	}
	kind, err := lookupKind(args[0])
	if err != nil {
		return err
	}
	return a.print(kindResult{kind})
}

// lookupKind finds a built-in kind, or reads a kind file, whose path is relative to the working directory.
func lookupKind(name string) (mediatypes.Kind, error) {
	kind, ok := mediatypes.Lookup(name)
	if ok {
		return kind, nil
	}
	if artifact.IsKindFile(name) {
		return readKind(name)
	}
	var names []string
	for _, k := range mediatypes.All() {
		names = append(names, k.Name)
	}
	hint := textdist.DidYouMean(name, names)
	if hint == "" {
		hint = "davit knows " + strings.Join(names, ", ")
	}
	return kind, &usageError{err: fmt.Errorf("no such kind: %q", name), hint: hint}
}

func readKind(name string) (mediatypes.Kind, error) {
	f, err := os.Open(name)
	if err != nil {
		return mediatypes.Kind{}, fileError("kind file", name, err)
	}
	defer f.Close()
	data, err := readAll(name, f)
	if err != nil {
		return mediatypes.Kind{}, err
	}
	return artifact.ParseKind(name, data)
}

// kindsResult is what kinds prints.
type kindsResult struct {
	Kinds []mediatypes.Kind `json:"kinds"`
}

func (r kindsResult) WriteText(w io.Writer) error {
	var t term.Table
	for _, k := range r.Kinds {
		t.Row(k.Name, k.Summary)
	}
	return t.WriteText(w)
}

// kindResult is what kinds prints of one kind.
type kindResult struct{ mediatypes.Kind }

// WriteYAML prints the kind as a kind file.
func (r kindResult) WriteYAML(w io.Writer) error {
	data, err := artifact.KindFile(r.Kind)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func (r kindResult) WriteText(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%s: %s\n\n", r.Name, r.Summary); err != nil {
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
	t.Field("clients", strings.Join(r.Clients, ", "))
	if r.ReadOnly {
		t.Row("", "recognised and shown, never packed")
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
	for _, l := range r.Layers {
		packing := l.Packing
		if packing == "" {
			packing = mediatypes.Raw
		}
		t.Row("  "+l.Role, l.MediaType, string(packing), count(l), strings.Join(l.Match, " "))
	}
	return t.WriteText(w)
}

// count says how many layers of a role there are: "1", "0-1", "1 or more", "any".
func count(l mediatypes.LayerType) string {
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
	if _, err := fmt.Fprintln(w, "\nconfig fields:"); err != nil {
		return err
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	var t term.Table
	for _, name := range names {
		field, _ := fields[name].(map[string]any)
		description, _ := field["description"].(string)
		t.Row("  "+name, schemaType(field), description)
	}
	return t.WriteText(w)
}

// schemaType says in a word what a schema allows.
func schemaType(schema map[string]any) string {
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		var words []string
		for _, one := range t {
			words = append(words, fmt.Sprint(one))
		}
		return strings.Join(words, " or ")
	}
	if values, ok := schema["enum"]; ok {
		b, _ := json.Marshal(values) // it came from literals
		return string(b)
	}
	return "any"
}

func (r kindResult) writeExample(w io.Writer) error {
	if r.Example == "" {
		return nil
	}
	_, err := fmt.Fprintf(w, "\ndavit.yaml:\n  %s\n", strings.ReplaceAll(strings.TrimSpace(r.Example), "\n", "\n  "))
	return err
}

func newSchemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [KIND]",
		Short: "Prints the JSON Schema of davit.yaml, or of a kind's config",
		Example: `  davit schema > davit.schema.json
  davit schema model`,
		GroupID: groupDeclare,
		Args:    arguments(0, 1),
		ValidArgsFunction: func(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return kindNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			schema, err := schemaOf(args)
			if err != nil {
				return err
			}
			return a.print(schemaResult{schema})
		},
	}
}

// schemaOf is the schema of davit.yaml, or of the config of the kind that is named.
func schemaOf(args []string) ([]byte, error) {
	if len(args) == 0 {
		return artifact.Schema("")
	}
	kind, err := lookupKind(args[0])
	if err != nil {
		return nil, err
	}
	return artifact.ConfigSchema(kind)
}

// schemaResult is what schema prints: JSON, whatever the format.
type schemaResult struct{ json.RawMessage }

func (r schemaResult) WriteText(w io.Writer) error {
	return writeJSON(w, r.RawMessage)
}
