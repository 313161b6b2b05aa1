package project

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/davit-oci/davit/internal/kinds/compose/yamlnode"
	"github.com/davit-oci/davit/internal/lists"
	"gopkg.in/yaml.v3"
)

// Document is a document of a compose file.
type Document struct {
	Value  any
	Resets [][]string       // paths of the fields with the tags !reset and !override, which discard the values of earlier files
	Faults []yamlnode.Fault // values that docker compose can't read
}

// Decode reads a document of a compose file, and fills in the variables in its strings. It changes the node.
func Decode(node *yaml.Node, fill func(string) (string, error)) (Document, error) {
	r := &resets{}
	r.prune(node, nil)
	d := Document{Resets: r.paths}
	var value any
	err := node.Decode(&value)
	d.Value = d.toJSON(value, fill, nil)
	return d, err
}

// resets collects the paths of the fields with the tags !reset and !override.
type resets struct{ paths [][]string }

// prune removes the fields with !reset and the tags !override from a node, and records their paths.
func (r *resets) prune(node *yaml.Node, at []string) {
	if node.Tag == "!override" {
		node.Tag = ""
		r.paths = append(r.paths, at)
	}
	switch node.Kind {
	case yaml.DocumentNode:
		for _, inner := range node.Content {
			r.prune(inner, at)
		}
	case yaml.SequenceNode:
		node.Content = lists.Delete(node.Content, func(item *yaml.Node) bool { return item.Tag == "!reset" })
		for _, item := range node.Content {
			r.prune(item, yamlnode.Below(at, ""))
		}
	case yaml.MappingNode:
		var kept []*yaml.Node
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			below := yamlnode.Below(at, key.Value)
			if value.Tag == "!reset" {
				r.paths = append(r.paths, below)
				continue
			}
			r.prune(value, below)
			kept = append(kept, key, value)
		}
		node.Content = kept
	}
}

// Remove deletes a field of a model.
func Remove(m Model, keys []string) {
	for len(keys) > 1 {
		below, ok := m[keys[0]].(Model)
		if !ok {
			return
		}
		m, keys = below, keys[1:]
	}
	if len(keys) == 1 {
		delete(m, keys[0])
	}
}

// toJSON converts a YAML value to a JSON value, and fills in the variables in its strings.
func (d *Document) toJSON(value any, fill func(string) (string, error), at []string) any {
	switch v := value.(type) {
	case string:
		filled, err := fill(v)
		if err != nil {
			d.Faults = append(d.Faults, yamlnode.Fault{At: at, Message: err.Error()})
			return v
		}
		return filled
	case int, int64, uint64, float64:
		return json.Number(fmt.Sprint(v))
	case time.Time:
		return v.Format(time.RFC3339)
	case []any:
		for i := range v {
			v[i] = d.toJSON(v[i], fill, yamlnode.Below(at, strconv.Itoa(i)))
		}
	case map[any]any:
		named := make(Model, len(v))
		for key, item := range v {
			name := fmt.Sprint(key)
			named[name] = item
			if _, ok := key.(string); !ok {
				d.Faults = append(d.Faults, yamlnode.Fault{At: yamlnode.Below(at, name), Message: "docker compose requires strings as keys, not " + name, OfKey: true})
			}
		}
		return d.toJSON(named, fill, at)
	case Model:
		c := make(Model, len(v)) // a copy, since the value of an anchor is one map in several places
		for _, key := range Sorted(v) {
			c[key] = d.toJSON(v[key], fill, yamlnode.Below(at, key))
		}
		return c
	}
	return value
}
