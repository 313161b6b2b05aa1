package project

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/davit-oci/davit/internal/format/yamlerror"
	"github.com/davit-oci/davit/internal/lists"
	"gopkg.in/yaml.v3"
)

// Decode reads a document of a compose file, and fills in the variables in its strings. It also returns the paths of the fields
// with the tags !reset and !override, which discard the values of earlier files. It changes the document.
func Decode(document *yaml.Node, fill func(string) (string, error)) (any, [][]string, error) {
	r := &resets{}
	r.prune(document, nil)
	var value any
	if err := document.Decode(&value); err != nil {
		return nil, nil, fmt.Errorf("docker compose can't read it: %w", yamlerror.Worded(err))
	}
	value, err := toJSON(value, fill)
	return value, r.paths, err
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
			r.prune(item, append(slices.Clip(at), ""))
		}
	case yaml.MappingNode:
		var kept []*yaml.Node
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			below := append(slices.Clip(at), key.Value)
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
func toJSON(value any, fill func(string) (string, error)) (any, error) {
	var err error
	switch v := value.(type) {
	case string:
		return fill(v)
	case int, int64, uint64, float64:
		return json.Number(fmt.Sprint(v)), nil
	case time.Time:
		return v.Format(time.RFC3339), nil
	case []any:
		for i := range v {
			if v[i], err = toJSON(v[i], fill); err != nil {
				return nil, err
			}
		}
	case map[any]any:
		for key := range v {
			if _, ok := key.(string); !ok {
				return nil, fmt.Errorf("docker compose requires strings as keys, not %v", key)
			}
		}
	case Model:
		c := make(Model, len(v)) // a copy, since the value of an anchor is one map in several places
		for key, item := range v {
			if c[key], err = toJSON(item, fill); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		}
		return c, nil
	}
	return value, nil
}
