package kind

// StringsField returns the schema of a list of strings. Inlined, it would add 4 KB to the program.
//
//go:noinline
func StringsField(description string) map[string]any {
	return map[string]any{"type": "array", "description": description, "items": map[string]any{"type": "string"}}
}

// StringField returns the schema of a string. Inlined, it would add 11 KB to the program.
//
//go:noinline
func StringField(description string) map[string]any {
	return map[string]any{"type": "string", "description": description}
}

// BoolField returns the schema of a boolean.
func BoolField(description string) map[string]any {
	return map[string]any{"type": "boolean", "description": description}
}

// ObjectField returns the schema of an object that has these fields and no others. Inlined, it would add 8 KB to the program.
//
//go:noinline
func ObjectField(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

// NoFields returns the schema of a config that depends only on the files.
func NoFields() map[string]any { return ObjectField(map[string]any{}) }
