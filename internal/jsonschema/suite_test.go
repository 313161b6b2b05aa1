package jsonschema

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// beyond tells whether a case of the suite wants what this package leaves out: schemas that are loaded from elsewhere.
func beyond(schema any) bool {
	text, _ := json.Marshal(schema)
	return bytes.Contains(text, []byte("localhost:1234/draft2020-12/")) || bytes.Contains(text, []byte(`"$ref":"`+Dialect))
}

// TestSuite runs the official test suite of draft 2020-12, apart from what is loaded from elsewhere (testdata/README.md).
func TestSuite(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/suite/*.json")
	if err != nil || len(files) < 40 {
		t.Fatalf("the suite: %d files, %v", len(files), err)
	}
	ran := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var groups []struct {
			Description string
			Schema      any
			Tests       []struct {
				Description string
				Data        any
				Valid       bool
			}
		}
		decode(t, data, &groups)
		for _, group := range groups {
			name := strings.TrimSuffix(filepath.Base(file), ".json") + ": " + group.Description
			if beyond(group.Schema) {
				continue
			}
			schema, err := Compile(group.Schema)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for _, test := range group.Tests {
				ran++
				if faults := schema.Check(test.Data); (len(faults) == 0) != test.Valid {
					t.Errorf("%s: %s: got %v, want valid %v", name, test.Description, faults, test.Valid)
				}
			}
		}
	}
	if ran < 1000 {
		t.Errorf("only %d cases ran", ran)
	}
	t.Logf("%d cases", ran)
}
