package compose

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"gopkg.in/yaml.v3"
)

// aliasBomb returns YAML of a few hundred bytes that expands to a billion values.
func aliasBomb() string {
	text, last := "x-a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n", "a"
	for c := 'b'; c < 'j'; c++ {
		text += fmt.Sprintf("x-%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+last+", ", 10), ", "))
		last = string(c)
	}
	return text
}

func TestComposeRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ yaml, want string }{
		"absolute include":               {"include: [/etc/compose.yaml]\nservices: {}\n", `include "/etc/compose.yaml" is absolute; on another machine docker compose would not find it`},
		"Windows path in extends":        {"services: {a: {extends: {file: 'C:\\base.yaml', service: b}}}\n", "is absolute"},
		"path out of the directory":      {"services: {a: {extends: {file: ../base.yaml, service: b}}}\n", `extends "../base.yaml" leaves the directory`},
		"missing include":                {"include: [no.yaml]\nservices: {}\n", `include names "no.yaml", which does not exist`},
		"missing env file":               {"services: {a: {image: x, env_file: [c.env]}}\n", `service "a": env_file names "c.env", which does not exist`},
		"missing required env file":      {"services: {a: {image: x, env_file: [{path: ./c.env, required: true}]}}\n", `service "a": env_file names "./c.env", which does not exist`},
		"missing label file":             {"services: {a: {image: x, label_file: [b, no]}}\n", `service "a": label_file names "no", which does not exist`},
		"missing base file":              {"services: {a: {extends: {file: no.yaml, service: b}}}\n", `service "a": extends names "no.yaml", which does not exist`},
		"unlisted env file":              {"services: {a: {image: x, env_file: b.env}}\n", `service "a": env_file "b.env" is not among the layers; to publish its content, add {path: b.env, as: env} to layers`},
		"unlisted label file":            {"services: {a: {image: x, label_file: b}}\n", `service "a": label_file "b" is not among the layers; to publish its content, add {path: b, as: env} to layers`},
		"a list as file":                 {"[a]\n", "it is not a compose file"},
		"not YAML":                       {"services: [\n", "docker compose can't read it"},
		"empty":                          {"", "it is empty"},
		"duplicate key":                  {"services: {a: {image: x}}\nservices: {b: {image: x}}\n", "already defined"},
		"an alias in its own anchor":     {"services:\n  a: &a\n    image: x\n    x-more: *a\n", "contains itself"},
		"aliases of aliases":             {"services: {a: {image: x}}\n" + aliasBomb(), "excessive aliasing"},
		"services as a list":             {"services: [a]\n", "its services are not a mapping"},
		"service as a string":            {"services: {a: x}\n", `service "a": it is not a mapping`},
		"missing env file of an include": {"include: [{path: c.yaml, env_file: x}]\nservices: {}\n", `include: env_file names "x", which does not exist`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := fstest.MapFS{"c.yaml": {Data: []byte(tt.yaml)}, "b.env": {}, "b": {}}
			project := &composeProject{fsys: fsys, dir: ".", titles: map[string]string{}, scopes: map[part]map[string]string{}}
			if name == "missing label file" {
				project.env = map[string]bool{"b": false}
			}
			project.publish(part{"c.yaml", "."})
			err := project.faults.Err()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}

func FuzzComposeFile(f *testing.F) {
	f.Add([]byte("x: &e {env_file: a.env}\nservices:\n  a: {<<: *e, image: x, extends: {file: b.yaml}}\ninclude: [c.yaml]\n"))
	f.Add([]byte("a: &a [*a]\nservices: *a\n"))
	fsys := fstest.MapFS{"b.yaml": &fstest.MapFile{}, "c.yaml": &fstest.MapFile{}}
	f.Fuzz(func(t *testing.T, b []byte) {
		project := &composeProject{fsys: fsys, dir: ".", env: map[string]bool{"a.env": false}, titles: map[string]string{}, scopes: map[part]map[string]string{}}
		file := &composeFile{composeProject: project, part: part{"c.yaml", "."}, originals: map[*yaml.Node]string{}}
		out := file.rewrite(b)
		if len(project.faults) > 0 || !file.changed {
			return
		}
		if err := yaml.Unmarshal(out, new(yaml.Node)); err != nil {
			t.Errorf("%q: got invalid YAML %q: %v", b, out, err)
		}
	})
}
