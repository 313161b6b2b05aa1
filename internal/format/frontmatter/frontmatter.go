// Package frontmatter reads the fields that precede the text of Markdown documents. Jekyll introduced YAML between two lines of
// "---". Hugo also accepts TOML between two lines of "+++", and a JSON object.
package frontmatter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/format/yamlscalar"
	"gopkg.in/yaml.v3"
)

// The limits of front matter.
const (
	maxValues = 10_000 // values; aliases of aliases grow exponentially
	maxDepth  = 64     // levels of nesting
)

// Field is a key of front matter, and its value as text.
type Field struct{ Name, Value string }

// Read splits a document into the fields of its front matter, in order, and its body. If the document has no front matter, or if
// the front matter is not a mapping of keys to plain values or exceeds a limit, the body is the complete document.
func Read(document []byte) (fields []Field, body []byte) {
	front, body, found := Split(document)
	if !found {
		return nil, body
	}
	fields, err := readFields(front)
	if err != nil {
		return nil, document
	}
	return fields, body
}

// Split splits a document into its front matter, as YAML, and its body, both in UTF-8. If it finds no front matter, body is the
// complete document.
func Split(document []byte) (front, body []byte, found bool) {
	document = bom.ToUTF8(document)
	first, rest, _ := bytes.Cut(document, []byte("\n"))
	switch first := string(bytes.TrimRight(first, " \t\r")); {
	case first == "---":
		if front, body, found := splitAtLine(rest, "---", "..."); found {
			return front, body, true
		}
	case first == "+++":
		if front, body, found := splitAtLine(rest, "+++"); found {
			if front, ok := tomlToYAML(front); ok {
				return front, body, true
			}
		}
	case strings.HasPrefix(first, "{") && !strings.HasPrefix(first, "{{") && !strings.HasPrefix(first, "{%"):
		if front, body, found := splitObject(document); found {
			return front, body, true
		}
	}
	return nil, document, false
}

// splitAtLine splits a text at the first line that is one of ends, and removes the line.
func splitAtLine(text []byte, ends ...string) (front, body []byte, found bool) {
	for at := 0; at < len(text); {
		line, _, more := bytes.Cut(text[at:], []byte("\n"))
		if slices.Contains(ends, string(bytes.TrimRight(line, " \t\r"))) {
			return text[:at], text[min(at+len(line)+1, len(text)):], true
		}
		if !more {
			break
		}
		at += len(line) + 1
	}
	return nil, nil, false
}

// splitObject splits a document after the JSON object at its beginning. A document without text after the object has no front matter.
func splitObject(document []byte) (front, body []byte, found bool) {
	d := json.NewDecoder(bytes.NewReader(document))
	var fields map[string]json.RawMessage
	if d.Decode(&fields) != nil {
		return nil, nil, false
	}
	front, body = document[:d.InputOffset()], document[d.InputOffset():]
	line, rest, _ := bytes.Cut(body, []byte("\n"))
	if len(bytes.TrimSpace(line)) > 0 || len(bytes.TrimSpace(rest)) == 0 {
		return nil, nil, false
	}
	return bytes.ReplaceAll(front, []byte("\t"), []byte("  ")), rest, true // YAML allows no tabs in indentation
}

// errUnreadable is the error for front matter that Read leaves in the body.
var errUnreadable = errors.New("not a mapping of keys to plain values")

func readFields(front []byte) ([]Field, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(front, &document); err != nil {
		return nil, err
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return nil, errUnreadable
	}
	var fields []Field
	r := valueReader{left: maxValues}
	err := r.visitKeys(document.Content[0], 0, func(key string, value any) {
		fields = append(fields, Field{key, formatValue(value)})
	})
	return fields, err
}

// valueReader converts YAML nodes to JSON values.
type valueReader struct{ left int } // the number of values that it may still convert

// visitKeys calls visit for each key of a mapping, in order. It fails with errUnreadable if a key is not a string or is repeated, or
// if read fails for a value.
func (r *valueReader) visitKeys(n *yaml.Node, depth int, visit func(key string, value any)) error {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" || seen[key.Value] {
			return errUnreadable
		}
		seen[key.Value] = true
		value, err := r.read(n.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		visit(key.Value, value)
	}
	return nil
}

// read converts a node and the nodes in it. It fails with errUnreadable beyond maxValues or maxDepth, and for a scalar that JSON does
// not have.
func (r *valueReader) read(n *yaml.Node, depth int) (any, error) {
	if r.left--; r.left < 0 || depth > maxDepth {
		return nil, errUnreadable
	}
	switch n.Kind {
	case yaml.AliasNode:
		return r.read(n.Alias, depth+1)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			var err error
			if list[i], err = r.read(item, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case yaml.MappingNode:
		object := make(map[string]any, len(n.Content)/2)
		err := r.visitKeys(n, depth, func(key string, value any) { object[key] = value })
		return object, err
	}
	return readScalar(n)
}

func readScalar(n *yaml.Node) (any, error) {
	value, ok := yamlscalar.Read(n)
	if !ok {
		return nil, errUnreadable
	}
	return value, nil
}

// formatValue formats a value for display: lists with commas, objects as JSON.
func formatValue(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = formatValue(item)
		}
		return strings.Join(items, ", ")
	case map[string]any:
		encoded, _ := json.Marshal(v) // can't fail: the values are scalars, lists, and objects
		return string(encoded)
	}
	return fmt.Sprint(value)
}
