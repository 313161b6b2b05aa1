package jsonschema

import (
	"strconv"
	"strings"
)

// link resolves the references of a schema, and records a fault for each that has no target.
func (c *compiler) link(n *node) {
	if ref, ok := n.keywords["$ref"].(string); ok {
		n.ref, _ = c.find(n, "$ref", ref)
	}
	if ref, ok := n.keywords["$dynamicRef"].(string); ok {
		n.dynamic, n.anchor = c.find(n, "$dynamicRef", ref)
	}
}

// find returns the target of a reference, and the name of the dynamic anchor if the reference names one. If the target is not in
// the document, find records a fault and returns nil.
func (c *compiler) find(n *node, keyword, ref string) (*node, string) {
	target, err := n.home.base.Parse(ref)
	if err == nil {
		name := target.Fragment
		target.Fragment, target.RawFragment = "", ""
		if r := c.resources[target.String()]; r != nil {
			if found := c.findFragment(r, name); found != nil {
				if found.home.dynamic[name] != found {
					name = ""
				}
				return found, name
			}
		}
	}
	c.addFault(below(n.at, keyword), "must refer to a schema in this document")
	return nil, ""
}

// findFragment returns the schema in a resource that the fragment of a reference names, or nil if it does not exist. The fragment is
// a JSON pointer, an anchor, or "" for the root of the resource.
func (c *compiler) findFragment(r *resource, fragment string) *node {
	if fragment == "" {
		return r.root
	}
	if !strings.HasPrefix(fragment, "/") {
		return r.anchors[fragment]
	}
	at, home := r.root.at, r
	for token := range strings.SplitSeq(fragment[1:], "/") {
		at = below(at, strings.NewReplacer("~1", "/", "~0", "~").Replace(token))
		if n := c.nodes[strings.Join(at, "\x00")]; n != nil {
			home = n.home
		}
	}
	if n := c.nodes[strings.Join(at, "\x00")]; n != nil {
		return n
	}
	value, ok := lookUp(c.document, at)
	if !ok {
		return nil
	}
	return c.read(value, at, home) // under a keyword that this package does not compile
}

// lookUp returns the value at a path in a document.
func lookUp(value any, at []string) (any, bool) {
	for _, step := range at {
		switch holder := value.(type) {
		case map[string]any:
			inner, ok := holder[step]
			if !ok {
				return nil, false
			}
			value = inner
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(holder) {
				return nil, false
			}
			value = holder[i]
		default:
			return nil, false
		}
	}
	return value, true
}
