// Package fields flattens JSON documents, such as configs, into names and values for display.
package fields

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/term"
)

// MaxValue limits the characters of a value that are shown.
const MaxValue = 120

// Field is a name, "path.to.field", and a value.
type Field struct{ Name, Value string }

// Step is a step in the history of an image.
type Step struct {
	Text  string // the command
	Empty bool   // the step made no layer
}

// limits restricts the values of a document. Each takes more memory as a field than in the text.
var limits = jsonwalk.Limits{Objects: 60_000, Values: 300_000}

// Of returns the fields of a JSON object. It returns the history of an image config separately, because each step belongs to a
// layer, and omits the digests of the uncompressed layers. It returns no fields for content that is not JSON, or that
// exceeds limits.
func Of(content []byte) (list []Field, history []Step) {
	if limits.Check(content) != nil {
		return nil, nil
	}
	var value any
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.UseNumber()
	if dec.Decode(&value) != nil {
		return nil, nil
	}
	for _, step := range takeHistory(value) {
		fields, _ := step.(map[string]any)
		text := func(key string) string { s, _ := fields[key].(string); return s }
		empty, _ := fields["empty_layer"].(bool)
		history = append(history, Step{cmp.Or(text("created_by"), text("comment"), text("created")), empty})
	}
	return flatten("", value, nil), history
}

// takeHistory removes the history and the digests of the uncompressed layers from an image config. It returns the history.
func takeHistory(config any) []any {
	fields, ok := config.(map[string]any)
	if !ok || fields["rootfs"] == nil {
		return nil
	}
	delete(fields, "rootfs")
	history, _ := fields["history"].([]any)
	if len(history) > 0 {
		delete(fields, "history")
	}
	return history
}

// flatten appends a JSON value as fields "path.to.field" with values. A list of scalars is one value; for other lists, and for
// digests, only the length is shown.
func flatten(path string, value any, fields []Field) []Field {
	switch v := value.(type) {
	case map[string]any:
		if path != "" && hasOnlyKeys(v) {
			return append(fields, Field{path, term.Shorten(strings.Join(slices.Sorted(maps.Keys(v)), ", "), MaxValue)})
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			// Without a limit, the names of fields below long or many keys would be far longer than the document.
			fields = flatten(term.Shorten(strings.TrimPrefix(path+"."+key, "."), MaxValue), v[key], fields)
		}
		return fields
	case []any:
		return append(fields, Field{path, flattenList(v)})
	case nil:
		return fields
	}
	return append(fields, Field{path, term.Shorten(fmt.Sprint(value), MaxValue)})
}

// hasOnlyKeys reports whether an object only lists its keys, as an image config does its ports and volumes.
func hasOnlyKeys(object map[string]any) bool {
	for _, value := range object {
		if fields, ok := value.(map[string]any); !ok || len(fields) > 0 {
			return false
		}
	}
	return len(object) > 0
}

func flattenList(list []any) string {
	words := make([]string, len(list))
	for i, v := range list {
		switch v.(type) {
		case map[string]any, []any:
			return term.Plural(len(list), "item")
		}
		words[i] = fmt.Sprint(v)
	}
	if len(words) > 0 && strings.HasPrefix(words[0], "sha256:") {
		return term.Plural(len(list), "digest")
	}
	return term.Shorten(strings.Join(words, ", "), MaxValue)
}
