// Package yamlnode finds values in YAML documents, through aliases and merge keys.
package yamlnode

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Fault describes a wrong value, or a wrong key. At has the keys and indices on the way to it.
type Fault struct {
	At      []string
	Message string
	OfKey   bool // the fault is that of the last key, not of its value
}

// maxMerges bounds chains of merge keys and aliases.
const maxMerges = 16

var emptyNode = &yaml.Node{}

// Below returns a path with more keys. Inlined, it would add 2 KB to the program.
//
//go:noinline
func Below(at []string, keys ...string) []string { return append(at[:len(at):len(at)], keys...) }

// Follow returns the node that a document or an alias refers to.
func Follow(node *yaml.Node) *yaml.Node {
	for range maxMerges {
		switch {
		case node == nil:
			return emptyNode
		case node.Kind == yaml.AliasNode:
			node = node.Alias
		case node.Kind == yaml.DocumentNode && len(node.Content) == 1:
			node = node.Content[0]
		default:
			return node
		}
	}
	return emptyNode
}

// Field returns the value of a key in a mapping or in the mappings that are merged into it, or nil if the key does not exist.
func Field(node *yaml.Node, key string) *yaml.Node {
	node = Follow(node)
	if node.Kind != yaml.MappingNode {
		return nil
	}
	if _, value := find(node, key, maxMerges); value != nil {
		return Follow(value)
	}
	return nil
}

// Items returns the elements of a sequence, no elements for null, or else the node as the only element.
func Items(node *yaml.Node) []*yaml.Node {
	node = Follow(node)
	switch {
	case node == emptyNode || node.Tag == "!!null":
		return nil
	case node.Kind != yaml.SequenceNode:
		return []*yaml.Node{node}
	}
	list := make([]*yaml.Node, len(node.Content))
	for i, n := range node.Content {
		list[i] = Follow(n)
	}
	return list
}

// Pairs yields the entries of a mapping.
func Pairs(node *yaml.Node) func(func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		node = Follow(node)
		if node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, Follow(node.Content[i+1])) {
				return
			}
		}
	}
}

// Find follows keys from a node until one does not exist. It returns the last value, its key unless the value is an item of a list, and how
// many keys exist. In a list, a key is an index, the name before the colon of an item, or its source.
func Find(node *yaml.Node, keys []string) (key, value *yaml.Node, found int) {
	value = Follow(node)
	for _, name := range keys {
		below, item := find(value, name, maxMerges)
		if item == nil {
			break
		}
		key, value = below, Follow(item)
		found++
	}
	return key, value, found
}

// find returns a key of a mapping and its value, or an item of a list.
func find(node *yaml.Node, name string, depth int) (key, value *yaml.Node) {
	switch {
	case node.Kind == yaml.SequenceNode:
		return nil, findItem(node.Content, name)
	case node.Kind != yaml.MappingNode || depth == 0:
		return nil, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i], node.Content[i+1]
		}
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Tag != "!!merge" {
			continue
		}
		for _, merged := range Items(node.Content[i+1]) {
			if key, value := find(merged, name, depth-1); value != nil {
				return key, value
			}
		}
	}
	return nil, nil
}

// findItem returns the item of a list that name means, or nil.
func findItem(list []*yaml.Node, name string) *yaml.Node {
	if i := slices.IndexFunc(list, func(item *yaml.Node) bool {
		item = Follow(item)
		source := Field(item, "source")
		return item.Kind == yaml.ScalarNode && (item.Value == name || strings.HasPrefix(item.Value, name+":")) || source != nil && source.Value == name
	}); i >= 0 {
		return list[i]
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(list) {
		return list[i]
	}
	return nil
}
