package compose_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/compose"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// published packs a directory as an application and returns the contents of its layers by their titles.
func published(t *testing.T, files map[string]string) (map[string]string, *spec.Plan, error) {
	t.Helper()
	fsys := kindtest.Tree(t, files).FS()
	declared, _, err := artifact.Detect(fsys, []string{"."}, "compose")
	if err != nil {
		return nil, nil, err
	}
	plan, err := artifact.Compose(fsys, declared)
	if err != nil {
		return nil, nil, err
	}
	contents := map[string]string{}
	for _, l := range plan.Layers {
		contents[l.Title] = string(l.Content)
		if l.Content == nil {
			contents[l.Title] = files[l.Path]
		}
	}
	return contents, plan, nil
}

// TestPathsOfPartsAreMoved: a file that is extended or included is published beside compose.yaml, so its paths have to lead
// from there to where they led.
func TestPathsOfPartsAreMoved(t *testing.T) {
	t.Parallel()
	contents, _, err := published(t, map[string]string{
		"compose.yaml": "include:\n  - db/compose.yaml\n  - {path: cache.yaml, project_directory: var}\nservices:\n  web: {image: nginx, volumes: ['./w:/w']}\n",
		"db/compose.yaml": `services:
  db:
    image: pg
    env_file: [db.env, '${MORE:-../common}/c.env']
    build: {context: ., additional_contexts: [a=./a, b=docker-image://b]}
    volumes: ['./data:/d', 'named:/n', '~/h:/h', '../up:/up', {type: bind, source: ./e, target: /e}, '/abs:/abs']
    develop: {watch: [{path: ./src, action: rebuild}]}
volumes: {named: {driver_opts: {o: bind, device: ./dev}}}
configs: {c: {file: ./c.conf}}
secrets: {s: {file: ../s.txt}, t: {environment: T}}
`,
		"db/db.env": "A=1\n", "common/c.env": "C=1\n", "cache.yaml": "services: {cache: {image: redis, volumes: ['./x:/x']}}\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		compose.LayerName("db/compose.yaml"): `services:
  db:
    image: pg
    env_file: [` + compose.LayerName("db/db.env") + `, ` + compose.LayerName("common/c.env") + `]
    build: {context: ./db, additional_contexts: [a=./db/a, 'b=docker-image://b']}
    volumes: ['./db/data:/d', 'named:/n', '~/h:/h', './up:/up', {type: bind, source: ./db/e, target: /e}, '/abs:/abs']
    develop: {watch: [{path: ./db/src, action: rebuild}]}
volumes: {named: {driver_opts: {o: bind, device: ./db/dev}}}
configs: {c: {file: ./db/c.conf}}
secrets: {s: {file: ./s.txt}, t: {environment: T}}
`,
		compose.LayerName("db/db.env"):         "A=1\n",
		compose.LayerName("common/c.env"):      "C=1\n",
		compose.LayerName("var\x00cache.yaml"): "services: {cache: {image: redis, volumes: ['./var/x:/x']}}\n",
	} {
		if contents[name] != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, contents[name], want)
		}
	}
	if len(contents) != 5 {
		t.Errorf("published %d files: %v", len(contents), contents)
	}
}

// TestVariablesInPaths fills in variables from the .env beside the compose file, and from defaults. The .env is not packed.
func TestVariablesInPaths(t *testing.T) {
	t.Parallel()
	contents, plan, err := published(t, map[string]string{
		"compose.yaml": "services: {web: {image: 'nginx:${TAG}', env_file: ['${DIR}/a.env', '${B:-b}.env', $C], label_file: web.labels}}\n",
		".env":         "DIR=conf # where\nTAG=1\nC='${DIR}/c'\nPASSWORD=hunter2\n", "conf/a.env": "A=1\n", "b.env": "B=1\n", "${DIR}/c": "C=1\n", "web.labels": "x=y\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"conf/a.env", "b.env", "${DIR}/c"} {
		if _, ok := contents[compose.LayerName(name)]; !ok {
			t.Errorf("%s is not published: %v", name, contents)
		}
	}
	for title, content := range contents {
		if strings.Contains(content, "hunter2") {
			t.Errorf("%s has the password", title)
		}
	}
	if contents["web.labels"] != "x=y\n" || len(contents) != 5 {
		t.Errorf("published %v", contents)
	}
	if !strings.Contains(strings.Join(plan.Notes, "\n"), "compose: .env is left out, no service names it as env_file") {
		t.Errorf("notes %q", plan.Notes)
	}
}

// TestApplicationsThatDockerComposeRefuses, and those that it takes.
func TestApplicationsThatDockerComposeRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"services: {web: {image: x, imagge: y}}\n":                       `services.web: docker compose does not know the key "imagge": did you mean "image"?`,
		"scrape: 1\nservices: {web: {image: x}}\n":                       `docker compose does not know the key "scrape"`,
		"services: {web: {image: x, env_file: }}\n":                      "its env_file is empty",
		"services: {web: {image: x, label_file: null}}\n":                "its label_file is empty",
		"services: {web: }\n":                                            `service "web": it is not a mapping`,
		"services:\n":                                                    "its services are not a mapping",
		"services: {web: {image: x, env_file: '${NONE}.env'}}\n":         `neither .env nor a default sets the variable "NONE"`,
		"services: {web: {image: x, env_file: '${NONE:?no}'}}\n":         "no",
		"services: {web: {image: x, env_file: '${A:-${B:-a}.'}}\n":       `env_file "${A:-${B:-a}."`,
		"volumes: {a: {}}\nnetworks: {b: {}}\n":                          "",
		"name: x\n":                                                      "",
		"services: {}\n":                                                 "",
		"secrets: {s: {environment: S}}\nx-note: {a: b}\n":               "",
		"services: {web: {image: x, x-any: 1, <<: {restart: always}}}\n": "",
	} {
		_, _, err := published(t, map[string]string{"compose.yaml": text})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
