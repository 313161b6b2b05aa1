package yamlscalar_test

import (
	"encoding/json"
	"testing"

	"github.com/davit-oci/davit/internal/format/yamlscalar"
	"gopkg.in/yaml.v3"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"": nil, "~": nil, "null": nil, "true": true, "False": false, "yes": "yes",
		"1": json.Number("1"), "1.50": json.Number("1.50"), "+1": json.Number("1"), "0x1f": json.Number("31"), "0o17": json.Number("15"),
		"1_000": json.Number("1000"), ".5": json.Number("0.5"), "1e3": json.Number("1e3"),
		"a b": "a b", "'1'": "1", "2024-01-02": "2024-01-02",
	} {
		if got, ok := yamlscalar.Read(parse(t, text)); !ok || got != want {
			t.Errorf("%q: got %#v, %t, want %#v, true", text, got, ok, want)
		}
	}
	for _, text := range []string{".inf", "-.inf", ".nan", "!!binary aGk=", "!own x"} {
		if got, ok := yamlscalar.Read(parse(t, text)); ok {
			t.Errorf("%q: got %#v, want no value", text, got)
		}
	}
}

// parse returns the node of a YAML scalar.
func parse(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte("a: "+text), &n); err != nil {
		t.Fatal(err)
	}
	return n.Content[0].Content[1]
}
