package kind

// StringsField is a list of strings.
func StringsField(description string) map[string]any {
	return map[string]any{"type": "array", "description": description, "items": map[string]any{"type": "string"}}
}

// StringField is a string.
func StringField(description string) map[string]any {
	return map[string]any{"type": "string", "description": description}
}

// BoolField is true or false.
func BoolField(description string) map[string]any {
	return map[string]any{"type": "boolean", "description": description}
}

// ObjectField is an object that has these fields and no others.
func ObjectField(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

// NoFields is the schema of a config that depends only on the files.
func NoFields() map[string]any { return ObjectField(map[string]any{}) }
