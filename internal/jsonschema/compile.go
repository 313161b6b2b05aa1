// Package jsonschema checks JSON values against schemas of JSON Schema 2020-12. It reports each value that does not match, with
// its path and the keyword that fails; callers word the messages.
//
// It exists because the libraries do not fit a command that starts in a few milliseconds and shows all mistakes in a file
// at once. santhosh-tekuri/jsonschema compiles the metaschemas when a program starts, which takes 3.6 ms.
// google/jsonschema-go stops at the first error.
//
// A schema can refer only to itself: nothing is loaded. Formats and contents are annotations, which are not checked. Values
// are those that encoding/json decodes with UseNumber: nil, bool, json.Number, string, []any, and map[string]any.
//
// See https://json-schema.org/draft/2020-12/json-schema-core and json-schema-validation.
package jsonschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Dialect is the $schema of the draft that this package implements.
const Dialect = "https://json-schema.org/draft/2020-12/schema"

// Schema is a valid schema, compiled for checks.
type Schema struct{ root *node }

// Malformed is a defect of a schema.
type Malformed struct {
	At      []string // keys and indices on the way to the defect
	Message string   // the violated requirement: "must be …"
}

// InvalidError lists the defects of a schema.
type InvalidError []Malformed

// Error describes the first defect.
func (e InvalidError) Error() string {
	return fmt.Sprintf("/%s: %s", strings.Join(e[0].At, "/"), e[0].Message)
}

// Compile reads a schema, given as a JSON value. It fails with an InvalidError that lists all defects.
func Compile(document any) (*Schema, error) {
	c := &compiler{document: document, nodes: map[string]*node{}, resources: map[string]*resource{}}
	root := c.read(document, nil, nil)
	for len(c.references) > 0 { // a referenced schema may have references itself
		todo := c.references
		c.references = nil
		for _, n := range todo {
			c.link(n)
		}
	}
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	return &Schema{root}, nil
}

// node is one schema of a document.
type node struct {
	at       []string                    // the path in the document
	home     *resource                   // the resource that contains the schema
	never    bool                        // the schema is false
	keywords map[string]any              // values by keyword
	one      map[string]*node            // schemas by keyword
	list     map[string][]*node          // lists of schemas by keyword
	named    map[string]map[string]*node // schemas by keyword and key
	patterns map[string]*regexp.Regexp   // by expression
	ref      *node                       // the target of $ref
	dynamic  *node                       // the target of $dynamicRef
	anchor   string                      // if not "", $dynamicRef refers to the outermost schema with this dynamic anchor instead
}

// resource is a schema with an $id, or the document itself.
type resource struct {
	base    *url.URL
	root    *node
	anchors map[string]*node // by name, dynamic ones included
	dynamic map[string]*node // by name of the dynamic anchor
}

type compiler struct {
	document   any
	nodes      map[string]*node     // by path
	resources  map[string]*resource // by URI
	references []*node              // schemas with references that are not resolved yet
	faults     InvalidError
}

// addFault records a defect at a path.
func (c *compiler) addFault(at []string, format string, args ...any) {
	c.faults = append(c.faults, Malformed{slices.Clone(at), fmt.Sprintf(format, args...)})
}

// below returns a path with one more step.
func below(at []string, step string) []string { return append(at[:len(at):len(at)], step) }

// read compiles the schema at a path and the schemas in it. home is the resource that contains the schema, or nil for the document.
func (c *compiler) read(value any, at []string, home *resource) *node {
	n := &node{at: at, home: home, one: map[string]*node{}, list: map[string][]*node{}, named: map[string]map[string]*node{},
		patterns: map[string]*regexp.Regexp{}}
	c.nodes[strings.Join(at, "\x00")] = n
	if home == nil {
		n.home = c.addResource(n, &url.URL{Scheme: "schema", Path: "/"})
	}
	switch value := value.(type) {
	case bool:
		n.never = !value
		return n
	case map[string]any:
		n.keywords = value
	default:
		c.addFault(at, "must be a schema: a mapping, true, or false")
		return n
	}
	c.identify(n)
	for _, keyword := range slices.Sorted(maps.Keys(n.keywords)) {
		c.compileKeyword(n, keyword, n.keywords[keyword])
	}
	if n.keywords["$ref"] != nil || n.keywords["$dynamicRef"] != nil {
		c.references = append(c.references, n)
	}
	return n
}

// addResource records a resource with its URI.
func (c *compiler) addResource(root *node, base *url.URL) *resource {
	r := &resource{base: base, root: root, anchors: map[string]*node{}, dynamic: map[string]*node{}}
	c.resources[base.String()] = r
	return r
}

// identify records the URI and the anchors that a schema declares, and checks its $schema.
func (c *compiler) identify(n *node) {
	if id, ok := n.keywords["$id"].(string); ok {
		if base, err := n.home.base.Parse(strings.TrimSuffix(id, "#")); err == nil && base.Fragment == "" {
			n.home = c.addResource(n, base)
		} else {
			c.addFault(below(n.at, "$id"), "must be a URI reference without a fragment")
		}
	}
	if dialect, ok := n.keywords["$schema"].(string); ok && strings.TrimSuffix(dialect, "#") != Dialect {
		c.addFault(below(n.at, "$schema"), "must be %s", Dialect)
	}
	if name, ok := n.keywords["$anchor"].(string); ok {
		n.home.anchors[name] = n
	}
	if name, ok := n.keywords["$dynamicAnchor"].(string); ok {
		n.home.anchors[name], n.home.dynamic[name] = n, n
	}
}

// form describes the valid values of a keyword.
type form int

const (
	anything form = iota // also for a keyword that this package does not know
	single               // a schema
	several              // a list of schemas
	named                // a mapping to schemas
	matched              // a mapping to schemas, by patterns
	text
	pattern
	flag
	number
	positive
	count      // an integer of at least 0
	stringList // a list of strings
	keyed      // a mapping to lists of strings
	values
	types
)

// formOf returns the form of the values of a keyword.
func formOf(keyword string) form {
	switch keyword {
	case "items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
		"if", "then", "else", "not", "contentSchema":
		return single
	case "allOf", "anyOf", "oneOf", "prefixItems":
		return several
	case "properties", "$defs", "definitions", "dependentSchemas":
		return named
	case "patternProperties":
		return matched
	case "$id", "$schema", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$comment", "title", "description", "format",
		"contentEncoding", "contentMediaType":
		return text
	case "pattern":
		return pattern
	case "uniqueItems", "deprecated", "readOnly", "writeOnly":
		return flag
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
		return number
	case "multipleOf":
		return positive
	case "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains":
		return count
	case "required":
		return stringList
	case "dependentRequired":
		return keyed
	case "enum", "examples":
		return values
	case "type":
		return types
	}
	return anything
}

// compileKeyword checks a keyword's value and compiles the schemas in it.
func (c *compiler) compileKeyword(n *node, keyword string, value any) {
	at := below(n.at, keyword)
	switch formOf(keyword) {
	case single:
		n.one[keyword] = c.read(value, at, n.home)
	case several:
		list, ok := value.([]any)
		if !ok || len(list) == 0 {
			c.addFault(at, "must be a list of schemas")
		}
		for i, item := range list {
			n.list[keyword] = append(n.list[keyword], c.read(item, below(at, strconv.Itoa(i)), n.home))
		}
	case named, matched:
		c.compileMapping(n, keyword, value)
	case pattern:
		s, ok := value.(string)
		if ok {
			ok = c.compilePattern(n, s)
		}
		if !ok {
			c.addFault(at, "must be a regular expression")
		}
	default:
		if wanted := expectedValue(formOf(keyword), value); wanted != "" {
			c.addFault(at, "must be %s", wanted)
		}
	}
}

// compileMapping compiles the schemas in a mapping.
func (c *compiler) compileMapping(n *node, keyword string, value any) {
	at := below(n.at, keyword)
	object, ok := value.(map[string]any)
	if !ok {
		c.addFault(at, "must be a mapping to schemas")
	}
	n.named[keyword] = map[string]*node{}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if formOf(keyword) == matched && !c.compilePattern(n, key) {
			c.addFault(below(at, key), "must have a regular expression as its key")
			continue
		}
		n.named[keyword][key] = c.read(object[key], below(at, key), n.home)
	}
}

// compilePattern compiles a regular expression, and reports whether it is valid.
func (c *compiler) compilePattern(n *node, expr string) bool {
	compiled, err := regexp.Compile(expr)
	n.patterns[expr] = compiled
	return err == nil
}

// expectedValue describes the values that a keyword without schemas allows. It returns "" if value is one of them.
func expectedValue(f form, value any) string {
	ok, wanted := true, ""
	switch f {
	case text:
		_, ok = value.(string)
		wanted = "a string"
	case flag:
		_, ok = value.(bool)
		wanted = "true or false"
	case number:
		ok, wanted = rational(value) != nil, "a number"
	case positive:
		r := rational(value)
		ok, wanted = r != nil && r.Sign() > 0, "a number above 0"
	case count:
		r := rational(value)
		ok, wanted = r != nil && r.IsInt() && r.Sign() >= 0, "an integer of at least 0"
	case stringList:
		ok, wanted = isStringList(value), "a list of strings"
	case keyed:
		var object map[string]any
		object, ok = value.(map[string]any)
		for _, list := range object {
			ok = ok && isStringList(list)
		}
		wanted = "a mapping to lists of strings"
	case values:
		_, ok = value.([]any)
		wanted = "a list"
	case types:
		ok, wanted = isTypes(value), "a type or a list of types: "+strings.Join(typeNames(), ", ")
	}
	if ok {
		return ""
	}
	return wanted
}

func isStringList(value any) bool {
	list, ok := value.([]any)
	return ok && !slices.ContainsFunc(list, func(item any) bool { _, ok := item.(string); return !ok })
}

func typeNames() []string {
	return []string{"null", "boolean", "object", "array", "number", "integer", "string"}
}

func isTypes(value any) bool {
	if name, ok := value.(string); ok {
		return slices.Contains(typeNames(), name)
	}
	if !isStringList(value) {
		return false
	}
	list := stringsOf(value)
	return len(list) > 0 && !slices.ContainsFunc(list, func(name string) bool { return !slices.Contains(typeNames(), name) })
}

// stringsOf returns the strings of a list, or the string alone.
func stringsOf(value any) (list []string) {
	if s, ok := value.(string); ok {
		return []string{s}
	}
	items, _ := value.([]any)
	for _, item := range items {
		if s, ok := item.(string); ok {
			list = append(list, s)
		}
	}
	return list
}

// rational returns the exact value of a number, or nil.
func rational(value any) *big.Rat {
	n, ok := value.(json.Number)
	if !ok {
		return nil
	}
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return nil
	}
	return r
}
