package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/template"
)

// format is the value of --format.
type format struct {
	name     string // "text", "json", "go-template", or one that a single command knows
	template *template.Template
}

// String is the flag's value as it is written; pflag wants it.
func (f *format) String() string {
	if f.name == "" {
		return "text"
	}
	return f.name
}

// Type names the value in the help text.
func (f *format) Type() string { return "text|json|go-template=T" }

// Set parses the flag, the template included, so that a mistake in it is found before any work is done.
func (f *format) Set(value string) error {
	name, text, isTemplate := strings.Cut(value, "=")
	if isTemplate && name == "go-template" {
		t, err := template.New("format").Funcs(templateFuncs).Parse(text)
		if err != nil {
			return err
		}
		*f = format{name: name, template: t}
		return nil
	}
	switch value {
	case "text", "json", "tree", "yaml":
		*f = format{name: value}
		return nil
	case "go-template":
		return fmt.Errorf("go-template needs a template: go-template='{{.digest}}'")
	}
	return fmt.Errorf("want text, json or go-template=TEMPLATE")
}

// forErrors looks for JSON in the arguments before they are parsed, so that an error in parsing them is JSON as well.
func (f *format) forErrors(args []string) {
	value := os.Getenv("DAVIT_FORMAT")
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
		f.name = "json"
	}
}

// templateFuncs are what a template can call besides Go's own.
var templateFuncs = template.FuncMap{
	"json": func(v any) (string, error) {
		b, err := json.Marshal(v)
		return string(b), err
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

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// writeTemplate runs the template over the result as its JSON has it: the names in a template are the names in JSON.
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
		return &usageError{err: fmt.Errorf("--format: %w", err)}
	}
	if !bytes.HasSuffix(out.Bytes(), []byte("\n")) {
		out.WriteByte('\n')
	}
	_, err = w.Write(out.Bytes())
	return err
}
