package jsonschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// decode decodes JSON, with numbers as json.Number.
func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// TestFaults checks that every fault is reported, with its path. A line of want has the path, keyword, Want, Got, Names, and Known.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, schema, value, want string }{
		{"valid", `{"type": "object"}`, `{"a": 1}`, ``},
		{"several faults", `{"properties": {"a": {"type": "string"}, "b": {"minimum": 3}}, "required": ["c", "d"]}`, `{"a": 1, "b": 2}`, `
			: required <nil> <nil> [c d] []
			a: type string number [] []
			b: minimum 3 2 [] []`},
		{"unknown keys", `{"properties": {"name": true, "kind": {}}, "additionalProperties": false}`, `{"nme": 1, "x": 2}`, `
			: additionalProperties <nil> <nil> [nme x] [kind name]`},
		{"unevaluated keys", `{"allOf": [{"properties": {"a": {}}}], "properties": {"b": {}}, "unevaluatedProperties": false}`, `{"a": 1, "b": 2, "c": 3}`, `
			: unevaluatedProperties <nil> <nil> [c] [b]`},
		{"items", `{"items": {"pattern": "^a"}}`, `["a", "b", 3]`, `
			1: pattern ^a b [] []`},
		{"through a reference", `{"$defs": {"x": {"enum": ["a", "b"]}}, "properties": {"p": {"$ref": "#/$defs/x"}}}`, `{"p": "c"}`, `
			p: enum [a b] c [] []`},
		{"nothing allowed", `{"properties": {"a": false}}`, `{"a": null}`, `
			a:  <nil> <nil> [] []`},
		{"name of a key", `{"propertyNames": {"maxLength": 1}}`, `{"ab": 1}`, `
			ab: propertyNames map[maxLength:1] ab [] []`},
		{"dependent key", `{"dependentRequired": {"a": ["b"]}}`, `{"a": 1}`, `
			: required <nil> <nil> [b] []`},
		{"a reference to itself", `{"$ref": "#"}`, `1`, `
			:  <nil> <nil> [] []`},
		{"references in a cycle", `{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}`, `1`, `
			:  <nil> <nil> [] []
			:  <nil> <nil> [] []`},
		{"exact decimal number", `{"multipleOf": 0.01, "maximum": 1e400}`, `19.99`, ``},
		{"a number too large to compare", `{"maximum": 3}`, `1e99999999`, ``},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var schema, value any
			decode(t, []byte(tc.schema), &schema)
			decode(t, []byte(tc.value), &value)
			compiled, err := Compile(schema)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range compiled.Check(value) {
				got = append(got, fmt.Sprintf("%s: %s %v %v %v %v", strings.Join(f.At, "/"), f.Keyword, f.Want, f.Got, f.Names, f.Known))
			}
			slices.Sort(got)
			want := strings.Split(strings.ReplaceAll(strings.TrimPrefix(tc.want, "\n"), "\t", ""), "\n")
			if tc.want == "" {
				want = nil
			}
			if !slices.Equal(got, want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ schema, want string }{
		{`3`, `/: must be a schema: a mapping, true, or false`},
		{`{"properties": {"a": 3}}`, `/properties/a: must be a schema: a mapping, true, or false`},
		{`{"properties": []}`, `/properties: must be a mapping to schemas`},
		{`{"type": "thing"}`, `/type: must be a type or a list of types: null, boolean, object, array, number, integer, string`},
		{`{"type": []}`, `/type: must be a type or a list of types: null, boolean, object, array, number, integer, string`},
		{`{"allOf": []}`, `/allOf: must be a list of schemas`},
		{`{"anyOf": [{"not": 1}]}`, `/anyOf/0/not: must be a schema: a mapping, true, or false`},
		{`{"pattern": "("}`, `/pattern: must be a regular expression`},
		{`{"patternProperties": {"(": true}}`, `/patternProperties/(: must have a regular expression as its key`},
		{`{"required": "a"}`, `/required: must be a list of strings`},
		{`{"dependentRequired": {"a": [1]}}`, `/dependentRequired: must be a mapping to lists of strings`},
		{`{"minLength": -1}`, `/minLength: must be an integer of at least 0`},
		{`{"maximum": "3"}`, `/maximum: must be a number`},
		{`{"multipleOf": 0}`, `/multipleOf: must be a number above 0`},
		{`{"uniqueItems": 1}`, `/uniqueItems: must be true or false`},
		{`{"enum": 1}`, `/enum: must be a list`},
		{`{"title": 1}`, `/title: must be a string`},
		{`{"$id": "#a"}`, `/$id: must be a URI reference without a fragment`},
		{`{"$schema": "http://json-schema.org/draft-07/schema#"}`, `/$schema: must be https://json-schema.org/draft/2020-12/schema`},
		{`{"$ref": "#/$defs/none"}`, `/$ref: must refer to a schema in this document`},
		{`{"$ref": "https://example.com/elsewhere"}`, `/$ref: must refer to a schema in this document`},
		{`{"$ref": "#/enum/0", "enum": [1]}`, `/enum/0: must be a schema: a mapping, true, or false`},
		{`{"$dynamicRef": "#none"}`, `/$dynamicRef: must refer to a schema in this document`},
	} {
		var schema any
		decode(t, []byte(tc.schema), &schema)
		_, err := Compile(schema)
		var invalid InvalidError
		if !errors.As(err, &invalid) || len(invalid) != 1 || err.Error() != tc.want {
			t.Errorf("%s: got %v, want %s", tc.schema, err, tc.want)
		}
	}
}
