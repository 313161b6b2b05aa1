//go:build clients

package jsonschema

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
)

// needsLoading reports whether a test case needs another schema. This package does not load schemas.
func needsLoading(schema any) bool {
	text, _ := json.Marshal(schema)
	return bytes.Contains(text, []byte("localhost:1234/draft2020-12/")) || bytes.Contains(text, []byte(`"$ref":"`+Dialect))
}

// suiteDir returns the directory of the official test suite of draft 2020-12 (github.com/json-schema-org/JSON-Schema-Test-Suite).
// It downloads the module of another validator, which contains a copy.
func suiteDir(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "github.com/google/jsonschema-go@v0.4.2").Output()
	var module struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &module)
	}
	if err != nil || module.Dir == "" {
		clients.Missing(t, "the test suite is missing: %v\n%s", err, out)
	}
	return filepath.Join(module.Dir, "jsonschema", "testdata", "draft2020-12")
}

// TestSuite runs the official test suite, except for features that this package leaves out: contents, formats, vocabularies,
// and references to other schemas.
func TestSuite(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(suiteDir(t), "*.json"))
	files = slices.DeleteFunc(files, func(file string) bool { return filepath.Base(file) == "refRemote.json" })
	if err != nil || len(files) < 40 {
		t.Fatalf("got %d files in the suite, %v, want at least 40", len(files), err)
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
			if needsLoading(group.Schema) {
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
		t.Errorf("got %d cases, want at least 1000", ran)
	}
	t.Logf("%d cases", ran)
}
