package jsonschema

import (
	"encoding/json"
	"maps"
	"slices"
)

// typeOf returns the name of the JSON type of a value, "number" also for an integer.
func typeOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return ""
}

func hasType(value any, want []string) bool {
	if slices.Contains(want, typeOf(value)) {
		return true
	}
	r := rational(value)
	return r != nil && r.IsInt() && slices.Contains(want, "integer")
}

// isEqual compares values as JSON Schema does: 1 and 1.0 are the same.
func isEqual(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		if _, ok := b.(json.Number); !ok {
			return false
		}
		x, y := rational(a), rational(b)
		return x != nil && y != nil && x.Cmp(y) == 0 || a == b
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, isEqual)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, isEqual)
	}
	switch b.(type) {
	case []any, map[string]any:
		return false
	}
	return a == b
}

func isUnique(list []any) bool {
	for i, item := range list {
		if slices.ContainsFunc(list[:i], func(other any) bool { return isEqual(item, other) }) {
			return false
		}
	}
	return true
}
