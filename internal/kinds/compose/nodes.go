package compose

import (
	"gopkg.in/yaml.v3"
)

// follow returns the node that a document or an alias refers to.
func follow(node *yaml.Node) *yaml.Node {
	for range maxYAMLMerges {
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

// field returns the value of a key in a mapping or in the mappings that are merged into it, or nil if the key does not exist.
func field(node *yaml.Node, key string) *yaml.Node { return fieldWithin(node, key, maxYAMLMerges) }

func fieldWithin(node *yaml.Node, key string, depth int) *yaml.Node {
	node = follow(node)
	if node.Kind != yaml.MappingNode || depth == 0 {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return follow(node.Content[i+1])
		}
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Tag != "!!merge" {
			continue
		}
		for _, merged := range items(node.Content[i+1]) {
			if found := fieldWithin(merged, key, depth-1); found != nil {
				return found
			}
		}
	}
	return nil
}

// items returns the elements of a sequence, no elements for null, or else the node as the only element.
func items(node *yaml.Node) []*yaml.Node {
	node = follow(node)
	switch {
	case node == emptyNode || node.Tag == "!!null":
		return nil
	case node.Kind != yaml.SequenceNode:
		return []*yaml.Node{node}
	}
	list := make([]*yaml.Node, len(node.Content))
	for i, n := range node.Content {
		list[i] = follow(n)
	}
	return list
}

// pairs yields the entries of a mapping.
func pairs(node *yaml.Node) func(func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		node = follow(node)
		if node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, follow(node.Content[i+1])) {
				return
			}
		}
	}
}
