package printer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/term"
)

// Format is the value of --format.
type Format struct {
	Name     string // "text", "json", "go-template", or a format of a single command
	template *template.Template
}

// String returns the value as it was given.
func (f *Format) String() string {
	if f.Name == "" {
		return "text"
	}
	return f.Name
}

// Type returns the name of the value in help texts.
func (f *Format) Type() string { return "text|json|go-template=T" }

// Set parses the flag and its template, so that a mistake in it is found before any work is done.
func (f *Format) Set(value string) error {
	name, text, isTemplate := strings.Cut(value, "=")
	if isTemplate && name == "go-template" {
		t, err := template.New("format").Funcs(templateFuncs).Parse(text)
		if err != nil {
			return err
		}
		*f = Format{Name: name, template: t}
		return nil
	}
	switch value {
	case "text", "json", "tree", "yaml":
		*f = Format{Name: value}
		return nil
	case "go-template":
		return fmt.Errorf("go-template needs a template: go-template='{{.digest}}'")
	}
	return fmt.Errorf("must be text, json or go-template=TEMPLATE")
}

// Guess sets the format to JSON if the arguments, or else the environment variable's value, ask for it. It runs before the
// arguments are parsed, so that an error in parsing them is JSON as well.
func (f *Format) Guess(args []string, value string) {
	for i, arg := range args {
		switch {
		case arg == "--":
			args = nil
		case arg == "--format" && i+1 < len(args):
			value = args[i+1]
		case strings.HasPrefix(arg, "--format="):
			value = strings.TrimPrefix(arg, "--format=")
		}
		if args == nil {
			break
		}
	}
	if value == "json" {
		f.Name = "json"
	}
}

// templateFuncs are the functions of templates besides those of Go.
var templateFuncs = template.FuncMap{
	"json": func(v any) (string, error) {
		b, err := json.Marshal(v)
		var escaped strings.Builder
		_, _ = term.JSONWriter{W: &escaped}.Write(b) // which does not fail
		return escaped.String(), err
	},
	"join": func(sep string, list []any) string {
		words := make([]string, len(list))
		for i, v := range list {
			words[i] = fmt.Sprint(v)
		}
		return strings.Join(words, sep)
	},
	"upper": strings.ToUpper,
	"lower": strings.ToLower,
}

// WriteJSON writes v as indented JSON, with escapes for characters that could drive a terminal or hide something from a reader.
func WriteJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(term.JSONWriter{W: w})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// writeTemplate runs the template over the JSON of the result: fields have the same names in templates and in JSON.
func writeTemplate(w io.Writer, t *template.Template, v any) error {
	var data any
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&data); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return &exit.UsageError{Err: fmt.Errorf("--format: %w", err)}
	}
	_, err = io.WriteString(w, term.EscapeValues(strings.TrimSuffix(out.String(), "\n"))+"\n")
	return err
}
