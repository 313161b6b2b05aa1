package declare

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxShape limits the length of an example in a hint, in bytes.
const maxShape = 120

// withExample adds an example to a schema. The example is shown if a value has the wrong type.
func withExample(schema map[string]any, example any) map[string]any {
	schema["examples"] = []any{example}
	return schema
}

// hintAtShape returns the hint for a value of the wrong type: the key with the first example of its schema, or "".
func hintAtShape(location []string, examples []any) string {
	if len(examples) == 0 {
		return ""
	}
	example := formatFlow(examples[0])
	if key := lastKey(location); key != "" && key == location[len(location)-1] {
		example = key + ": " + example
	}
	if len(example) > maxShape {
		return ""
	}
	return "as in " + example
}

// formatFlow formats a value as YAML on one line. In mappings, scalars come first, since they identify the entry.
func formatFlow(value any) string {
	var parts []string
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			parts = append(parts, formatFlow(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var last []string
		for _, key := range slices.Sorted(maps.Keys(value)) {
			part := key + ": " + formatFlow(value[key])
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
