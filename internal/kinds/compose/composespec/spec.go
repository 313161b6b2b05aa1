// Package composespec checks compose files against the schema of the Compose Specification, as docker compose does.
package composespec

import (
	_ "embed" // for the schema
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/davit-oci/davit/internal/jsonschema"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/textdist"
)

// document is the schema of compose-go without its descriptions. A test compares it with the module.
//
//go:embed schema.json
var document string

var compiled = sync.OnceValue(func() *jsonschema.Schema {
	return must(jsonschema.Compile(decoded()))
})

// decoded returns the schema as a JSON value, which callers must not change.
var decoded = sync.OnceValue(func() map[string]any {
	var schema map[string]any
	d := json.NewDecoder(strings.NewReader(document))
	d.UseNumber()
	err := d.Decode(&schema)
	return must(schema, err)
})

// must returns value. It panics if the embedded schema is broken, so that every test of this package fails.
func must[T any](value T, err error) T {
	if err != nil {
		panic("composespec: " + err.Error())
	}
	return value
}

// TopKeys lists the keys of a compose file.
var TopKeys = sync.OnceValue(func() []string {
	properties := decoded()["properties"].(map[string]any)
	keys := make([]string, 0, len(properties))
	for key := range properties {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
})

// Check returns an error for the first value that docker compose rejects in a document of a compose file, as encoding/json decodes
// it with UseNumber. Docker Compose fills in variables before it checks, so a value with a variable passes.
func Check(file any) error {
	faults := compiled().Check(file)
	lists.Sort(faults, func(a, b jsonschema.Fault) int { return slices.Compare(a.At, b.At) })
	for _, f := range faults {
		value := valueAt(file, f.At)
		if hasVariable(value) || f.Keyword == "uniqueItems" { // docker compose drops repeated items
			continue
		}
		return fmt.Errorf("%sdocker compose %s", formatPath(f.At), describeFault(findSpecific(f, value)))
	}
	return nil
}

// formatPath returns the path of a field as text to begin a message with, "" for the document.
func formatPath(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return strings.Join(keys, ".") + ": "
}

// findSpecific narrows the fault of a value that matches none of several forms: it returns the fault in the form that has the type
// of the value. For a mapping with an unknown key, for example, that is the fault of the key. It returns any other fault unchanged.
func findSpecific(f jsonschema.Fault, value any) jsonschema.Fault {
	var forms []any
	for _, keyword := range [...]string{"oneOf", "anyOf"} {
		if f.Keyword == keyword {
			forms, _ = f.Want.([]any)
		}
	}
	for _, form := range forms {
		form := resolve(form)
		if form["type"] != typeName(value) {
			continue
		}
		defs := decoded()["$defs"]
		form["$defs"] = defs
		if schema, err := jsonschema.Compile(form); err == nil {
			if inner := schema.Check(value); len(inner) > 0 {
				return inner[0]
			}
		}
	}
	return f
}

// resolve returns a copy of a schema, or of the definition that it refers to.
func resolve(form any) map[string]any {
	m, _ := form.(map[string]any)
	if ref, ok := m["$ref"].(string); ok {
		defs := decoded()["$defs"].(map[string]any)
		m, _ = defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	c := map[string]any{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

// describeFault describes a fault for users.
func describeFault(f jsonschema.Fault) string {
	switch f.Keyword {
	case "additionalProperties":
		text := fmt.Sprintf("does not know the key %q", f.Names[0])
		if suggestion := textdist.Suggest(f.Names[0], f.Known); strings.HasPrefix(suggestion, "did you mean") {
			text += ": " + suggestion
		}
		return text
	case "type":
		return fmt.Sprintf("requires %s, not %v", formatTypes(f.Want), f.Got)
	case "required":
		return fmt.Sprintf("requires the key %q", f.Names[0])
	case "enum":
		return fmt.Sprintf("requires one of %v", f.Want)
	case "pattern":
		return fmt.Sprintf("does not take %q", f.Got)
	}
	return "does not take that value"
}

// formatTypes returns the types that a schema allows as text.
func formatTypes(want any) string {
	list, ok := want.([]any)
	if !ok {
		return fmt.Sprint(want)
	}
	names := make([]string, len(list))
	for i, name := range list {
		names[i] = fmt.Sprint(name)
	}
	return strings.Join(names, " or ")
}

func typeName(value any) string {
	switch value.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	}
	return ""
}

// valueAt returns the value at a path of keys and indices, or nil if an index is invalid.
func valueAt(value any, keys []string) any {
	for _, key := range keys {
		switch v := value.(type) {
		case map[string]any:
			value = v[key]
		case []any:
			i := 0
			if _, err := fmt.Sscan(key, &i); err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		}
	}
	return value
}

// hasVariable reports whether a value has a variable that docker compose fills in.
func hasVariable(value any) bool {
	switch v := value.(type) {
	case string:
		return strings.Contains(strings.ReplaceAll(v, "$$", ""), "$")
	case []any:
		return slices.ContainsFunc(v, hasVariable)
	case map[string]any:
		for _, item := range v {
			if hasVariable(item) {
				return true
			}
		}
	}
	return false
}
