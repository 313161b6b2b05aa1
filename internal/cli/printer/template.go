package printer

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template/parse"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/term"
)

// templateFuncs are the functions of templates besides Go's.
var templateFuncs = template.FuncMap{
	"json": func(v any) (string, error) {
		b, err := json.Marshal(v)
		var escaped strings.Builder
		_, _ = term.JSONWriter{W: &escaped}.Write(b) // a strings.Builder does not fail
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
	"int":   func(n json.Number) (int64, error) { return n.Int64() }, // templates can't compare json.Number
}

// parseTemplate parses a template. It makes a missing field an error, which would otherwise be "<no value>" in a script.
func parseTemplate(text string) (*template.Template, error) {
	t, err := template.New("format").Funcs(templateFuncs).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("not a template: %s", trimTemplateError(err))
	}
	if name := findCapitalField(t.Root); name != "" {
		hint := fmt.Sprintf("fields have the names that --format json prints: try '{{.%s}}'", strings.ToLower(name[:1])+name[1:])
		return nil, &exit.UsageError{Err: fmt.Errorf("--format: the result has no field %q", name), Hint: hint}
	}
	return t, nil
}

// findCapitalField returns a field of the result that begins with a capital letter, as docker's fields do, or "". No result has such a field,
// and an error before the command runs is better than one after a push. Fields in range and with are not checked: they may be keys of a map.
func findCapitalField(n parse.Node) string {
	nodes := []parse.Node{}
	switch n := n.(type) {
	case *parse.ListNode:
		nodes = n.Nodes
	case *parse.ActionNode:
		nodes = append(nodes, n.Pipe)
	case *parse.PipeNode:
		for _, cmd := range n.Cmds {
			nodes = append(nodes, cmd.Args...)
		}
	case *parse.IfNode:
		if nodes = append(nodes, n.Pipe, n.List); n.ElseList != nil {
			nodes = append(nodes, n.ElseList)
		}
	case *parse.RangeNode:
		nodes = append(nodes, n.Pipe)
	case *parse.WithNode:
		nodes = append(nodes, n.Pipe)
	case *parse.FieldNode:
		if c := n.Ident[0][0]; 'A' <= c && c <= 'Z' {
			return n.Ident[0]
		}
	}
	for _, inner := range nodes {
		if name := findCapitalField(inner); name != "" {
			return name
		}
	}
	return ""
}

// templatePosition matches the beginning of an error of text/template, which has the name of the template and a position.
var templatePosition = lazy.Regexp(`^template: format:[0-9:]* (executing "format" )?`)

// trimTemplateError returns the message of an error of text/template without its beginning: the user does not know the template's name.
func trimTemplateError(err error) string { return templatePosition().ReplaceAllString(err.Error(), "") }

// writeTemplate runs the template over the JSON of the result: fields have the same names in templates and in JSON.
func writeTemplate(w io.Writer, t *template.Template, v any) error {
	data, err := makeTemplateData(v)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return explainTemplateError(t, err, data)
	}
	_, err = io.WriteString(w, term.EscapeValues(strings.TrimSuffix(out.String(), "\n"))+"\n")
	return err
}

// missingKey matches the error of text/template for a field that does not exist; the error has no type.
var missingKey = lazy.Regexp(`at <\.?([^>]*)>: map has no entry for key "([^"]*)"`)

// tooShort matches the error of text/template for an element that a list does not have.
var tooShort = lazy.Regexp(`at <([^>]*)>: error calling index: .*index out of range`)

// explainTemplateError returns the error of a template. For a field that does not exist, it hints at those that do.
func explainTemplateError(t *template.Template, err error, data any) error {
	found := missingKey().FindStringSubmatch(err.Error())
	if of := tooShort().FindStringSubmatch(err.Error()); of != nil {
		return &exit.UsageError{Err: fmt.Errorf("--format: %s: the list is too short", of[1]), Hint: "{{range}} takes lists of any length"}
	}
	if found == nil {
		return &exit.UsageError{Err: fmt.Errorf("--format: %s", trimTemplateError(err))}
	}
	path, name := strings.Split(found[1], "."), found[2]
	beside := data
	path = path[:max(0, slices.Index(path, name))]
	for _, parent := range path {
		fields, _ := beside.(map[string]any)
		beside = fields[parent]
	}
	hint := "--format json prints every field"
	near := findClosestField(name, data, field{value: beside, path: strings.Join(path, ".")}, field{value: data})
	fields, _ := beside.(map[string]any)
	switch isNested := strings.Contains(t.Root.String(), "{{range") || strings.Contains(t.Root.String(), "{{with"); {
	case isNested && near.name != "" && near.name != name: // in {{range}} or {{with}}, a path from the root would be wrong
		hint = fmt.Sprintf("did you mean .%s?", near.name)
	case isNested:
	case near.name != "":
		hint = fmt.Sprintf("did you mean '%s'?", near.template())
	case len(fields) > 0:
		hint = "fields: " + strings.Join(slices.Sorted(maps.Keys(fields)), ", ")
	}
	return &exit.UsageError{Err: fmt.Errorf("--format: the result has no field %q", name), Hint: hint}
}

// makeTemplateData returns the JSON of a value as maps and lists. Fields that JSON omits because they are empty are present, with an empty
// value.
func makeTemplateData(v any) (any, error) {
	v = withLists(v)
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var data any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	err = dec.Decode(&data)
	complete(reflect.ValueOf(v), data)
	return data, err
}

// complete adds to data the fields that v has and its JSON omits.
func complete(v reflect.Value, data any) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v = v.Elem(); !v.IsValid() {
			return
		}
	}
	switch data := data.(type) {
	case map[string]any:
		switch v.Kind() {
		case reflect.Struct:
			completeStruct(v, data)
		case reflect.Map:
			for _, key := range v.MapKeys() {
				complete(v.MapIndex(key), data[key.String()])
			}
		}
	case []any:
		if v.Kind() == reflect.Slice {
			for i := range min(v.Len(), len(data)) {
				complete(v.Index(i), data[i])
			}
		}
	}
}

func completeStruct(v reflect.Value, data map[string]any) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-" || !field.IsExported() && !field.Anonymous:
		case field.Anonymous && name == "":
			complete(v.Field(i), data)
		default:
			if name == "" {
				name = field.Name
			}
			if value, ok := data[name]; ok {
				complete(v.Field(i), value)
			} else {
				data[name] = emptyJSON(field.Type)
			}
		}
	}
}

// emptyJSON returns the value that a template gets for a field of this type if JSON omits it.
func emptyJSON(t reflect.Type) any {
	if t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) || t.Kind() == reflect.String {
		return ""
	}
	switch t.Kind() {
	case reflect.Slice:
		return []any{}
	case reflect.Map, reflect.Struct, reflect.Pointer:
		return noObject{}
	case reflect.Bool:
		return false
	case reflect.Interface:
		return ""
	}
	return json.Number("0")
}

// noObject is an object that a result does not have. It prints as "".
type noObject map[string]any

// String returns "".
func (noObject) String() string { return "" }
