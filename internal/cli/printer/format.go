package printer

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
	"github.com/davit-oci/davit/internal/term"
)

// Format is the value of --format.
type Format struct {
	Name     string // "text", "json", "go-template", or a format of a single command; empty means "text"
	template *template.Template
}

// String returns the name of the format.
func (f *Format) String() string {
	if f.Name == "" {
		return "text"
	}
	return f.Name
}

// Type returns the name of the value in help texts.
func (f *Format) Type() string { return "text|json|TEMPLATE" }

// templateFormat is the name of the format in go-template=TEMPLATE. As with docker, a template such as '{{.digest}}' needs no name.
const templateFormat = "go-template"

// Set parses the flag and its template, so that a mistake in it is found before any work is done.
func (f *Format) Set(value string) error {
	text, isTemplate := strings.CutPrefix(value, templateFormat+"=")
	if isTemplate || strings.Contains(value, "{{") {
		t, err := parseTemplate(text)
		if err != nil {
			return err
		}
		*f = Format{Name: templateFormat, template: t}
		return nil
	}
	switch value {
	case "text", "json", "tree", "yaml":
		*f = Format{Name: value}
		return nil
	case templateFormat:
		return fmt.Errorf("needs a template: '{{json .}}'")
	}
	return fmt.Errorf("not a format, nor a template such as '{{json .}}'")
}

// Guess sets the format to JSON if the arguments or, without --format, the value of the environment variable request it. It runs before
// the arguments are parsed, so that an error in parsing them is JSON, too.
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

// WriteJSON writes v as indented JSON, with escapes for characters that could drive a terminal or hide something from a reader.
func WriteJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(term.JSONWriter{W: w})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(withLists(v))
}
