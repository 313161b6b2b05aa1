package composespec_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/compose/composespec"
)

var update = flag.Bool("update", false, "write schema.json")

// TestSchema checks that schema.json is the schema of the compose-go module without descriptions.
func TestSchema(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/compose-spec/compose-go/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "schema", "compose-spec.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	if err := e.Encode(strip(schema, false)); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema.json", want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile("schema.json"); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("schema.json differs from the schema of the module (%v): run go test ./internal/kinds/compose/composespec -update", err)
	}
}

// strip returns a schema without descriptions and other annotations. If names is set, the keys of value are names of properties, so
// a key such as "description" stays.
func strip(value any, names bool) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = strip(v[i], false)
		}
	case map[string]any:
		for key, item := range v {
			switch key {
			case "description", "title", "$id", "$schema", "default", "deprecated", "examples":
				if !names {
					delete(v, key)
					continue
				}
			}
			v[key] = strip(item, !names && (key == "properties" || key == "patternProperties" || key == "$defs"))
		}
	}
	return value
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ file, want string }{
		"valid file":                      {`{"name":"a","services":{"a":{"image":"x","ports":["80:80"],"x-y":1}},"x-z":{}}`, ""},
		"unknown top-level key":           {`{"service":{}}`, `docker compose does not know the key "service": did you mean "services"`},
		"not a mapping":                   {`["a"]`, "docker compose requires object, not"},
		"unknown key of a service":        {`{"services":{"a":{"iamge":"x"}}}`, `services.a: docker compose does not know the key "iamge": did you mean "image"`},
		"unknown key below a service":     {`{"services":{"a":{"image":"x","deploy":{"foo":1}}}}`, `services.a.deploy: docker compose does not know the key "foo"`},
		"unknown key in one of two forms": {`{"services":{"a":{"image":"x","build":{"foo":1}}}}`, `services.a.build: docker compose does not know the key "foo"`},
		"wrong type":                      {`{"services":{"a":{"ports":80}}}`, `services.a.ports: docker compose requires array, not`},
		"value not in an enum": {`{"services":{"a":{"depends_on":{"b":{"condition":"maybe"}}}}}`,
			`services.a.depends_on`},
		"invalid service name":    {`{"services":{"a b":{"image":"x"}}}`, `services: docker compose does not know the key "a b"`},
		"variable":                {`{"services":{"a":{"restart":["${R}"],"privileged":"${P:-true}"}}}`, ""},
		"escaped dollar sign":     {`{"services":{"a":{"restart":["$$R"]}}}`, "services.a.restart: docker compose requires string"},
		"unknown key of a volume": {`{"volumes":{"v":{"foo":1}}}`, `volumes.v: docker compose does not know the key "foo"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var file any
			d := json.NewDecoder(strings.NewReader(test.file))
			d.UseNumber()
			if err := d.Decode(&file); err != nil {
				t.Fatal(err)
			}
			err := composespec.Check(file)
			if got := ""; err != nil {
				got = err.Error()
				if test.want == "" || !strings.HasPrefix(got, test.want) {
					t.Errorf("got %q, want %q", got, test.want)
				}
			} else if test.want != "" {
				t.Errorf("got no error, want %q", test.want)
			}
		})
	}
}

func TestTopKeys(t *testing.T) {
	t.Parallel()
	if got := strings.Join(composespec.TopKeys(), " "); !strings.Contains(got, "services") || !strings.Contains(got, "volumes") {
		t.Errorf("got %q, want services and volumes among them", got)
	}
}
