package declare

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/format/yamlerror"
	"github.com/davit-oci/davit/internal/format/yamlscalar"
	"gopkg.in/yaml.v3"
)

// The limits of a YAML document. Declarations are written by hand: a larger one is an accident or an attack, and nested aliases grow
// exponentially.
const (
	MaxDocument = 1 << 20 // bytes
	maxNodes    = 100_000
	maxDepth    = 64
	maxPointers = 32 << 20 // bytes of all JSON pointers together: a long key over many values
)

// document is a YAML document as JSON values, with the position of every value and key.
type document struct {
	spec.Source
	Value    any // nil, bool, json.Number, string, []any, map[string]any
	nodes    int
	pointers int
}

// ReadDocument reads exactly one YAML document. Problems lists syntax errors, duplicate keys, values that JSON can't express,
// and exceeded limits. Value holds the part that could be read.
func ReadDocument(file string, data []byte) *document {
	d := &document{Source: spec.Source{File: file, Values: map[string]spec.Position{}, Keys: map[string]spec.Position{}}}
	if len(data) > MaxDocument {
		d.Add(spec.Position{}, fmt.Sprintf("is larger than %d MiB", MaxDocument>>20), "")
		return d
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root, second yaml.Node
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		d.Add(spec.Position{Line: 1, Column: 1}, "is empty", "")
		return d
	case err != nil:
		d.addSyntaxProblem(err)
		return d
	}
	if d.Value = d.read(&root, "", 0); d.nodes > maxNodes {
		d.Value = nil // what was read is incomplete
		return d
	}
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		d.addSyntaxProblem(err)
	default:
		d.Add(positionOf(&second), "a second document begins here; a file holds one", "")
	}
	return d
}

// Add records a problem. Inlined, it would add 4 KB to the program.
//
//go:noinline
func (d *document) Add(at spec.Position, message, hint string) {
	d.Problems = append(d.Problems, spec.Problem{File: d.File, Line: at.Line, Column: at.Column, Message: message, Hint: hint})
}

func (d *document) addSyntaxProblem(err error) {
	line, text := yamlerror.Split(err)
	d.Add(spec.Position{Line: max(line, 1), Column: 1}, "not YAML: "+text, "")
}

func positionOf(n *yaml.Node) spec.Position {
	return spec.Position{Line: max(n.Line, 1), Column: max(n.Column, 1)}
}

// read converts a node to a JSON value and records its position.
func (d *document) read(n *yaml.Node, pointer string, depth int) any {
	if !d.checkLimits(n, pointer, depth) {
		return nil
	}
	if _, seen := d.Values[pointer]; !seen {
		d.Values[pointer] = positionOf(n)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return d.read(n.Content[0], pointer, depth+1)
	case yaml.AliasNode:
		return d.read(n.Alias, pointer, depth+1)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = d.read(item, pointer+"/"+strconv.Itoa(i), depth+1)
		}
		return list
	case yaml.MappingNode:
		return d.readMapping(n, pointer, depth)
	}
	return d.readScalar(n)
}

// checkLimits reports whether the limits allow another node. If not, it adds a problem, and no more nodes are read.
func (d *document) checkLimits(n *yaml.Node, pointer string, depth int) bool {
	if d.nodes > maxNodes {
		return false
	}
	d.nodes++
	d.pointers += len(pointer)
	if d.nodes <= maxNodes && depth <= maxDepth && d.pointers <= maxPointers {
		return true
	}
	d.nodes = maxNodes + 1
	d.Add(positionOf(n), "is nested too deeply, or too large with its aliases expanded", "")
	return false
}

func (d *document) readMapping(n *yaml.Node, pointer string, depth int) any {
	object := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.ShortTag() == "!!merge":
			d.Add(positionOf(n.Content[i]), "merge keys (<<) are not supported", "write the keys out")
			continue
		case key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str":
			d.Add(positionOf(n.Content[i]), "a key must be a string", "put it in quotes")
			continue
		}
		child := pointer + "/" + EscapePointer(key.Value)
		if first, twice := d.Keys[child]; twice {
			d.Add(positionOf(n.Content[i]), fmt.Sprintf("key %q is given twice", key.Value), fmt.Sprintf("first on line %d", first.Line))
			continue
		}
		d.Keys[child] = positionOf(n.Content[i])
		object[key.Value] = d.read(value, child, depth+1)
	}
	return object
}

func (d *document) readScalar(n *yaml.Node) any {
	value, ok := yamlscalar.Read(n)
	if !ok {
		d.Add(positionOf(n), fmt.Sprintf("%s %q can't be read", strings.TrimLeft(n.ShortTag(), "!"), n.Value), "put it in quotes if it is a string")
		return nil
	}
	return value
}

// EscapePointer escapes a key as a part of a JSON pointer (RFC 6901).
func EscapePointer(token string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}

// drop removes the value at a pointer because it is invalid.
func (d *document) drop(pointer string) {
	if pointer == "" {
		d.Value = nil
		return
	}
	in, at := d.Value, pointer
	for {
		token, rest, deeper := strings.Cut(at[1:], "/")
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch holder := in.(type) {
		case map[string]any:
			if !deeper {
				delete(holder, token)
				return
			}
			in = holder[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i >= len(holder) {
				return
			}
			if !deeper {
				holder[i] = nil
				return
			}
			in = holder[i]
		default:
			return
		}
		at = "/" + rest
	}
}
