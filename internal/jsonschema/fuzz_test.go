package jsonschema

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzCheck checks that Check never panics or runs forever, and that a value has the same number of faults after it is marshaled
// and parsed again.
func FuzzCheck(f *testing.F) {
	f.Add(`{"type": "object", "properties": {"a": {"$ref": "#"}}, "additionalProperties": false}`, `{"a": {"a": {}}}`)
	f.Add(`{"$defs": {"x": {"$anchor": "x", "enum": [1, 2.0]}}, "items": {"$ref": "#x"}, "uniqueItems": true}`, `[1, 2]`)
	f.Add(`{"$dynamicAnchor": "n", "anyOf": [{"$dynamicRef": "#n"}, {"not": {}}], "unevaluatedProperties": false}`, `{"b": null}`)
	f.Add(`{"multipleOf": 1e-300, "maximum": 1e300, "patternProperties": {"^a+": {"minLength": 2}}}`, `1e400`)
	f.Add(`{"$id": "http://a/b", "allOf": [{"$id": "c", "$defs": {"d": true}}, {"$ref": "c#/$defs/d"}]}`, `"x"`)
	f.Fuzz(func(t *testing.T, schema, value string) {
		if len(schema) > 4<<10 || len(value) > 4<<10 {
			return
		}
		s, ok := parse(schema)
		if !ok {
			return
		}
		compiled, err := Compile(s)
		if err != nil {
			return
		}
		v, ok := parse(value)
		if !ok {
			return
		}
		faults := compiled.Check(v)
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		w, _ := parse(string(again))
		if n := len(compiled.Check(w)); n != len(faults) {
			t.Errorf("got %d faults in %s, but %d in %s", len(faults), value, n, again)
		}
	})
}

func parse(text string) (v any, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return v, d.Decode(&v) == nil
}
