package composespec_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	for name, test := range map[string]struct {
		file string
		want []string
	}{
		"valid file":                      {`{"name":"a","services":{"a":{"image":"x","ports":["80:80"],"x-y":1}},"x-z":{}}`, nil},
		"unknown top-level key":           {`{"service":{}}`, []string{`docker compose does not know the key "service": did you mean "services"`}},
		"not a mapping":                   {`["a"]`, []string{"docker compose requires object, not"}},
		"unknown key of a service":        {`{"services":{"a":{"iamge":"x"}}}`, []string{`services.a: docker compose does not know the key "iamge": did you mean "image"`}},
		"unknown key below a service":     {`{"services":{"a":{"image":"x","deploy":{"foo":1}}}}`, []string{`services.a.deploy: docker compose does not know the key "foo"`}},
		"unknown key in one of two forms": {`{"services":{"a":{"image":"x","build":{"foo":1}}}}`, []string{`services.a.build: docker compose does not know the key "foo"`}},
		"wrong type":                      {`{"services":{"a":{"ports":80}}}`, []string{`services.a.ports: docker compose requires array, not`}},
		"value not in an enum":            {`{"services":{"a":{"depends_on":{"b":{"condition":"maybe"}}}}}`, []string{`services.a.depends_on`}},
		"invalid service name":            {`{"services":{"a b":{"image":"x"}}}`, []string{`services: docker compose does not know the key "a b"`}},
		"variable":                        {`{"services":{"a":{"restart":["${R}"],"privileged":"${P:-true}"}}}`, nil},
		"escaped dollar sign":             {`{"services":{"a":{"restart":["$$R"]}}}`, []string{"services.a.restart: docker compose requires string"}},
		"unknown key of a volume":         {`{"volumes":{"v":{"foo":1}}}`, []string{`volumes.v: docker compose does not know the key "foo"`}},
		"variable beside an unknown key":  {`{"services":{"a":{"iamge":"${I}","image":"x"}}}`, []string{`services.a: docker compose does not know the key "iamge"`}},
		"repeated items":                  {`{"services":{"a":{"image":"x","dns":["1","1"],"cap_add":["A","A"]}}}`, nil},
		"several faults": {`{"a":1,"b":2,"services":{"a":{"ports":80,"build":{"x":1,"y":2,"ulimits":[]}},"b":{"develop":{"watch":[{"path":"p"}]}}}}`, []string{
			`services.a.build.ulimits: docker compose requires object`, `services.a.build: docker compose does not know the key "x"`, `services.a.build: docker compose does not know the key "y"`,
			`services.a.ports: docker compose requires array`, `services.b.develop.watch.0: docker compose requires the key "action"`,
			`docker compose does not know the key "a"`, `docker compose does not know the key "b"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var file any
			d := json.NewDecoder(strings.NewReader(test.file))
			d.UseNumber()
			if err := d.Decode(&file); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range composespec.Check(file) {
				got = append(got, f.Message)
			}
			if len(got) != len(test.want) || !slices.EqualFunc(got, test.want, strings.HasPrefix) {
				t.Errorf("got %q, want %q", got, test.want)
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
