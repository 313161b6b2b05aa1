package artifact

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/declare"
)

// Field is a key of front matter, and its value as people read it.
type Field struct{ Name, Value string }

// FrontMatter takes the YAML between two lines of "---" off the beginning of a Markdown document: its keys in their
// order, and the rest. Of a document that has none, or something else there, all is body.
func FrontMatter(document []byte) (fields []Field, body []byte) {
	front, body, found := splitFrontMatter(document)
	if !found {
		return nil, body
	}
	d := declare.ReadDocument("", front)
	values, ok := d.Value.(map[string]any)
	if !ok || len(d.Problems) > 0 {
		return nil, document
	}
	for name, value := range values {
		fields = append(fields, Field{name, plainValue(value)})
	}
	place := func(f Field) spec.Position { return d.Keys["/"+declare.EscapePointer(f.Name)] }
	slices.SortFunc(fields, func(a, b Field) int {
		return cmp.Or(cmp.Compare(place(a).Line, place(b).Line), cmp.Compare(place(a).Column, place(b).Column))
	})
	return fields, body
}

// plainValue writes a value as people do: lists with commas, objects as JSON.
func plainValue(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = plainValue(item)
		}
		return strings.Join(items, ", ")
	case map[string]any:
		encoded, _ := json.Marshal(v) // strings, numbers, and what holds them: always JSON
		return string(encoded)
	}
	return fmt.Sprint(value)
}
