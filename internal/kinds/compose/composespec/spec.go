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
	"github.com/davit-oci/davit/internal/kinds/compose/yamlnode"
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

// Check returns what docker compose rejects in a document of a compose file, as encoding/json decodes it with UseNumber. Docker Compose
// fills in variables before it checks, so a value with a variable passes.
func Check(file any) []yamlnode.Fault {
	var found []yamlnode.Fault
	for _, f := range compiled().Check(file) {
		value := valueAt(file, f.At)
		if !isAboutKeys(f) && hasVariable(value) {
			continue
		}
		for _, f := range narrow(f, value) {
			if !isIgnored(&f, file) {
				found = append(found, describe(f)...)
			}
		}
	}
	return found
}

// isIgnored reports whether docker compose accepts the value of a fault: it does not check include against the schema, and ignores null and
// extensions there. It drops extensions from the names of the fault.
func isIgnored(f *jsonschema.Fault, file any) bool {
	if len(f.At) == 0 || f.At[0] != "include" {
		return false
	}
	if f.Keyword != "additionalProperties" {
		return valueAt(file, f.At) == nil
	}
	f.Names = lists.Delete(slices.Clone(f.Names), func(name string) bool { return strings.HasPrefix(name, "x-") })
	return len(f.Names) == 0
}

// isAboutKeys reports whether a fault is about the keys of a mapping, whatever their values.
func isAboutKeys(f jsonschema.Fault) bool {
	return f.Keyword == "additionalProperties" || f.Keyword == "required"
}

// narrow replaces the fault of a value that matches none of several forms with the faults in the form that has the type of the value.
// For a mapping with an unknown key, for example, that is the fault of the key. It returns any other fault unchanged, except for repeated
// items, which docker compose drops.
func narrow(f jsonschema.Fault, value any) []jsonschema.Fault {
	var forms []any
	switch f.Keyword {
	case "uniqueItems":
		return nil
	case "oneOf", "anyOf":
		forms, _ = f.Want.([]any)
	}
	for _, form := range forms {
		form := resolve(form)
		if form["type"] != typeName(value) {
			continue
		}
		form["$defs"] = decoded()["$defs"]
		schema, err := jsonschema.Compile(form)
		if err != nil {
			continue
		}
		if inner := schema.Check(value); len(inner) > 0 {
			var all []jsonschema.Fault
			for _, in := range inner {
				below := valueAt(value, in.At)
				deeper := len(in.At) > 0
				in.At = yamlnode.Below(f.At, in.At...)
				if deeper {
					all = append(all, narrow(in, below)...)
				} else if in.Keyword != "uniqueItems" {
					all = append(all, in)
				}
			}
			return all
		}
	}
	return []jsonschema.Fault{f}
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

// describe describes a fault for users: each unknown or missing key, or the value.
func describe(f jsonschema.Fault) []yamlnode.Fault {
	path := ""
	if len(f.At) > 0 {
		path = strings.Join(f.At, ".") + ": "
	}
	if !isAboutKeys(f) {
		return []yamlnode.Fault{{At: f.At, Message: path + "docker compose " + describeValue(f)}}
	}
	faults := make([]yamlnode.Fault, len(f.Names))
	for i, name := range f.Names {
		if f.Keyword == "required" {
			faults[i] = yamlnode.Fault{At: f.At, Message: fmt.Sprintf("%sdocker compose requires the key %q", path, name)}
			continue
		}
		text := fmt.Sprintf("%sdocker compose does not know the key %q", path, name)
		if suggestion := textdist.DidYouMean(name, f.Known); suggestion != "" {
			text += ": " + suggestion
		}
		faults[i] = yamlnode.Fault{At: yamlnode.Below(f.At, name), Message: text, OfKey: true}
	}
	return faults
}

// describeValue describes the fault of a value.
func describeValue(f jsonschema.Fault) string {
	switch f.Keyword {
	case "type":
		return fmt.Sprintf("requires %s, not %v", formatTypes(f.Want), f.Got)
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
