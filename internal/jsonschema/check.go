package jsonschema

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Fault is one way in which a value does not fit its schema.
type Fault struct {
	At      []string // keys and indices on the way to the value
	Keyword string   // the keyword that fails; "" if the schema is false or its check would never end
	Want    any      // the keyword's value; nil if Names is set
	Got     any      // the value; for type, the name of its type; nil if Names is set
	Names   []string // for required: the missing keys; for additionalProperties and unevaluatedProperties: the unexpected keys
	Known   []string // for additionalProperties and unevaluatedProperties: the keys that the schema names
	// Examples are the examples in the schema, for type.
	Examples []any
}

// Check returns the faults of a value, or nil if it is valid.
func (s *Schema) Check(value any) []Fault {
	c := &checker{active: map[visit]bool{}}
	return c.check(s.root, value, nil).faults
}

type checker struct {
	scope  []*resource // the resources of the schemas being checked, the outermost first
	active map[visit]bool
}

// visit identifies the check of a value against a schema. A check that contains itself would never end.
type visit struct {
	n  *node
	at string
}

// outcome is the result of checking a value against a schema.
type outcome struct {
	faults []Fault
	keys   map[string]bool // the keys of an object that were checked
	items  map[int]bool    // the indices of an array that were checked
}

func (o *outcome) addKey(name string) {
	if o.keys == nil {
		o.keys = map[string]bool{}
	}
	o.keys[name] = true
}

func (o *outcome) addItem(i int) {
	if o.items == nil {
		o.items = map[int]bool{}
	}
	o.items[i] = true
}

// addSeen adds the keys and items of the same value that another schema checked. Inlined, it would add 4 KB to the program.
//
//go:noinline
func (o *outcome) addSeen(other *outcome) {
	for name := range other.keys {
		o.addKey(name)
	}
	for i := range other.items {
		o.addItem(i)
	}
}

// addAll adds the outcome of another schema for the same value.
func (o *outcome) addAll(other *outcome) {
	o.faults = append(o.faults, other.faults...)
	o.addSeen(other)
}

// check checks a value at a path against a schema.
func (c *checker) check(n *node, value any, at []string) *outcome {
	v := visit{n, strings.Join(at, "\x00")}
	if n.never || c.active[v] {
		return &outcome{faults: []Fault{{At: at}}}
	}
	c.active[v] = true
	defer delete(c.active, v)
	if depth := len(c.scope); depth == 0 || c.scope[depth-1] != n.home {
		c.scope = append(c.scope, n.home)
		defer func() { c.scope = c.scope[:depth] }()
	}
	o := &outcome{}
	c.checkPlain(n, value, at, o)
	c.checkReferences(n, value, at, o)
	c.checkCombined(n, value, at, o)
	switch value := value.(type) {
	case map[string]any:
		c.checkObject(n, value, at, o)
	case []any:
		c.checkArray(n, value, at, o)
	}
	return o
}

// addFault adds a fault for a keyword. Inlined, it would add 5 KB to the program.
//
//go:noinline
func (o *outcome) addFault(n *node, at []string, keyword string, got any) {
	o.faults = append(o.faults, Fault{At: at, Keyword: keyword, Want: n.keywords[keyword], Got: got})
}

// checkPlain checks the keywords that do not apply other schemas.
func (c *checker) checkPlain(n *node, value any, at []string, o *outcome) {
	if want, ok := n.keywords["type"]; ok && !hasType(value, stringsOf(want)) {
		examples, _ := n.keywords["examples"].([]any)
		o.faults = append(o.faults, Fault{At: at, Keyword: "type", Want: want, Got: typeOf(value), Examples: examples})
	}
	if want, ok := n.keywords["enum"].([]any); ok && !slices.ContainsFunc(want, func(w any) bool { return isEqual(w, value) }) {
		o.addFault(n, at, "enum", value)
	}
	if want, ok := n.keywords["const"]; ok && !isEqual(want, value) {
		o.addFault(n, at, "const", value)
	}
	switch value := value.(type) {
	case string:
		if re := n.patterns[stringOf(n.keywords["pattern"])]; re != nil && !re.MatchString(value) {
			o.addFault(n, at, "pattern", value)
		}
		n.checkBounds(o, at, counted{"minLength", "maxLength", utf8.RuneCountInString(value), value})
	case json.Number:
		n.checkNumber(o, at, value)
	case []any:
		n.checkBounds(o, at, counted{"minItems", "maxItems", len(value), value})
		if n.keywords["uniqueItems"] == true && !isUnique(value) {
			o.addFault(n, at, "uniqueItems", value)
		}
	case map[string]any:
		n.checkBounds(o, at, counted{"minProperties", "maxProperties", len(value), value})
		n.checkRequired(o, at, value)
	}
}

func stringOf(value any) string {
	s, _ := value.(string)
	return s
}

// counted is the length of a value, and the keywords that bound it.
type counted struct {
	least, most string // keywords such as minLength and maxLength
	count       int
	value       any
}

// checkBounds checks a length against both bounds.
func (n *node) checkBounds(o *outcome, at []string, c counted) {
	have := new(big.Rat).SetInt64(int64(c.count))
	if want := rational(n.keywords[c.least]); want != nil && have.Cmp(want) < 0 {
		o.addFault(n, at, c.least, c.value)
	}
	if want := rational(n.keywords[c.most]); want != nil && have.Cmp(want) > 0 {
		o.addFault(n, at, c.most, c.value)
	}
}

func (n *node) checkNumber(o *outcome, at []string, value json.Number) {
	have := rational(value)
	if have == nil {
		return // the exponent is too large: no violation is reported
	}
	for _, keyword := range []string{"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"} {
		want := rational(n.keywords[keyword])
		if want == nil {
			continue
		}
		met := true
		switch order := have.Cmp(want); keyword {
		case "minimum":
			met = order >= 0
		case "exclusiveMinimum":
			met = order > 0
		case "maximum":
			met = order <= 0
		case "exclusiveMaximum":
			met = order < 0
		case "multipleOf":
			met = new(big.Rat).Quo(have, want).IsInt()
		}
		if !met {
			o.addFault(n, at, keyword, value)
		}
	}
}

func (n *node) checkRequired(o *outcome, at []string, value map[string]any) {
	missing := missingKeys(stringsOf(n.keywords["required"]), value)
	dependent, _ := n.keywords["dependentRequired"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(dependent)) {
		if _, ok := value[key]; ok {
			missing = append(missing, missingKeys(stringsOf(dependent[key]), value)...)
		}
	}
	if len(missing) > 0 {
		o.faults = append(o.faults, Fault{At: at, Keyword: "required", Names: missing})
	}
}

// missingKeys returns the keys that an object does not have.
func missingKeys(keys []string, object map[string]any) (missing []string) {
	for _, key := range keys {
		if _, ok := object[key]; !ok {
			missing = append(missing, key)
		}
	}
	return missing
}

// checkReferences follows $ref and $dynamicRef.
func (c *checker) checkReferences(n *node, value any, at []string, o *outcome) {
	if n.ref != nil {
		o.addAll(c.check(n.ref, value, at))
	}
	if n.dynamic == nil {
		return
	}
	target := n.dynamic
	if n.anchor != "" {
		for _, r := range c.scope {
			if outer := r.dynamic[n.anchor]; outer != nil {
				target = outer
				break
			}
		}
	}
	o.addAll(c.check(target, value, at))
}

// checkCombined checks the keywords that apply other schemas to the same value.
func (c *checker) checkCombined(n *node, value any, at []string, o *outcome) {
	for _, sub := range n.list["allOf"] {
		o.addAll(c.check(sub, value, at))
	}
	for _, keyword := range []string{"anyOf", "oneOf"} {
		valid := 0
		for _, sub := range n.list[keyword] {
			if result := c.check(sub, value, at); len(result.faults) == 0 {
				valid++
				o.addSeen(result)
			}
		}
		if len(n.list[keyword]) > 0 && (valid == 0 || keyword == "oneOf" && valid > 1) {
			o.addFault(n, at, keyword, value)
		}
	}
	if sub := n.one["not"]; sub != nil && len(c.check(sub, value, at).faults) == 0 {
		o.addFault(n, at, "not", value)
	}
	if test := n.one["if"]; test != nil {
		next := "else"
		if result := c.check(test, value, at); len(result.faults) == 0 {
			next = "then"
			o.addSeen(result)
		}
		if sub := n.one[next]; sub != nil {
			o.addAll(c.check(sub, value, at))
		}
	}
	object, _ := value.(map[string]any)
	dependent := n.named["dependentSchemas"]
	for _, key := range slices.Sorted(maps.Keys(dependent)) {
		if _, ok := object[key]; ok {
			o.addAll(c.check(dependent[key], value, at))
		}
	}
}

func (c *checker) checkObject(n *node, value map[string]any, at []string, o *outcome) {
	others := map[string]any{} // the fields that neither properties nor patternProperties name
	for _, key := range slices.Sorted(maps.Keys(value)) {
		if names := n.one["propertyNames"]; names != nil && len(c.check(names, key, below(at, key)).faults) > 0 {
			o.addFault(n, below(at, key), "propertyNames", key)
		}
		named := false
		if sub := n.named["properties"][key]; sub != nil {
			named = true
			o.faults = append(o.faults, c.check(sub, value[key], below(at, key)).faults...)
		}
		for _, expr := range slices.Sorted(maps.Keys(n.named["patternProperties"])) {
			if n.patterns[expr].MatchString(key) {
				named = true
				o.faults = append(o.faults, c.check(n.named["patternProperties"][expr], value[key], below(at, key)).faults...)
			}
		}
		if named {
			o.addKey(key)
		} else {
			others[key] = value[key]
		}
	}
	o.addAll(c.checkRest(n, "additionalProperties", others, at))
	if n.one["unevaluatedProperties"] == nil {
		return
	}
	others = maps.Clone(value)
	maps.DeleteFunc(others, func(key string, _ any) bool { return o.keys[key] })
	o.addAll(c.checkRest(n, "unevaluatedProperties", others, at))
}

// checkRest checks the remaining fields against the schema of keyword: additionalProperties or unevaluatedProperties.
func (c *checker) checkRest(n *node, keyword string, fields map[string]any, at []string) *outcome {
	o := &outcome{}
	sub := n.one[keyword]
	if sub == nil || len(fields) == 0 {
		return o
	}
	names := slices.Sorted(maps.Keys(fields))
	if sub.never {
		o.faults = []Fault{{At: at, Keyword: keyword, Names: names, Known: slices.Sorted(maps.Keys(n.named["properties"]))}}
		return o
	}
	for _, key := range names {
		o.addKey(key)
		o.faults = append(o.faults, c.check(sub, fields[key], below(at, key)).faults...)
	}
	return o
}

func (c *checker) checkArray(n *node, value []any, at []string, o *outcome) {
	first := n.list["prefixItems"]
	contained := 0
	for i, item := range value {
		sub := n.one["items"]
		if i < len(first) {
			sub = first[i]
		}
		if sub != nil {
			o.addItem(i)
			o.faults = append(o.faults, c.check(sub, item, below(at, strconv.Itoa(i))).faults...)
		}
		if wanted := n.one["contains"]; wanted != nil && len(c.check(wanted, item, below(at, strconv.Itoa(i))).faults) == 0 {
			o.addItem(i)
			contained++
		}
	}
	n.checkContains(o, at, value, contained)
	if sub := n.one["unevaluatedItems"]; sub != nil {
		for i, item := range value {
			if !o.items[i] {
				o.addItem(i)
				o.faults = append(o.faults, c.check(sub, item, below(at, strconv.Itoa(i))).faults...)
			}
		}
	}
}

// checkContains checks the number of items that match the keyword contains.
func (n *node) checkContains(o *outcome, at []string, value []any, found int) {
	if n.one["contains"] == nil {
		return
	}
	if _, set := n.keywords["minContains"]; !set && found == 0 {
		o.addFault(n, at, "contains", value)
	}
	n.checkBounds(o, at, counted{"minContains", "maxContains", found, value})
}
