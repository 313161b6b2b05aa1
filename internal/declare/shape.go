package declare

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxShape limits the length of an example in an error.
const maxShape = 120

// shaped adds an example to a schema: it is shown when a value has another shape.
func shaped(schema map[string]any, example any) map[string]any {
	schema["examples"] = []any{example}
	return schema
}

// shape returns the hint for a value of the wrong type: the key with the first example of its schema, or "".
func shape(location []string, examples []any) string {
	if len(examples) == 0 {
		return ""
	}
	example := flow(examples[0])
	if key := lastKey(location); key != "" && key == location[len(location)-1] {
		example = key + ": " + example
	}
	if len(example) > maxShape {
		return ""
	}
	return "as in " + example
}

// flow writes a value as YAML in one line. In mappings, scalars come first: they say what the rest is about.
func flow(value any) string {
	var parts []string
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			parts = append(parts, flow(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var last []string
		for _, key := range slices.Sorted(maps.Keys(value)) {
			part := key + ": " + flow(value[key])
			switch value[key].(type) {
			case []any, map[string]any:
				last = append(last, part)
			default:
				parts = append(parts, part)
			}
		}
		return "{" + strings.Join(append(parts, last...), ", ") + "}"
	}
	text, err := yaml.Marshal(value)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
