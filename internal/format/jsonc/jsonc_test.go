package jsonc_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/davit-oci/davit/internal/format/jsonc"
)

func TestToJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a": 1}`:                         `{"a":1}`,
		"{\"a\": 1, // one\n\"b\": [2,],}": `{"a":1,"b":[2]}`,
		`/* x */ {"a": "// /* \" , }"}`:    `{"a":"// /* \" , }"}`,
		"{\"a\": 1 /* , */ , /* x */ }":    `{"a":1}`,
		"\ufeff{}":                         `{}`,
		`{} /*`:                            `{}`,
		`{} //`:                            `{}`,
	} {
		var v any
		if err := json.Unmarshal(jsonc.ToJSON([]byte(in)), &v); err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if got, _ := json.Marshal(v); string(got) != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func FuzzToJSON(f *testing.F) {
	f.Add([]byte("{\"a\": 1, // one\n\"b\": [2,],}"))
	f.Add([]byte(`/* x */ {"a": "// /* \" , }"} /`))
	f.Fuzz(func(t *testing.T, b []byte) {
		out := jsonc.ToJSON(b)
		if json.Valid(b) && !slices.Equal(out, b) {
			t.Errorf("valid JSON %q: got %q, want it unchanged", b, out)
		}
	})
}
