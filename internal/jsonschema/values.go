package jsonschema

import (
	"encoding/json"
	"maps"
	"slices"
)

// typeOf returns the name of the JSON type of a value. It returns "number" for integers too, and "" for a value of any other
// Go type.
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

// hasType reports whether a value has one of the types in want.
func hasType(value any, want []string) bool {
	if slices.Contains(want, typeOf(value)) {
		return true
	}
	r := rational(value)
	return r != nil && r.IsInt() && slices.Contains(want, "integer")
}

// isEqual reports whether two values are equal in JSON Schema, where 1 equals 1.0.
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
