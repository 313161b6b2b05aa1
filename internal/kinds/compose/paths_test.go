package compose_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/compose"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"gopkg.in/yaml.v3"
)

// publish packs files as kind compose. It returns the contents of the layers by title, and the plan.
func publish(t *testing.T, files map[string]string) (map[string]string, *spec.Plan, error) {
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

// TestPathsInPartsAreRewritten checks the paths in extended and included files. These files are published beside compose.yaml, so
// their relative paths must change to name the same files.
func TestPathsInPartsAreRewritten(t *testing.T) {
	t.Parallel()
	contents, _, err := publish(t, map[string]string{
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
			t.Errorf("%s: got\n%s\nwant\n%s", name, contents[name], want)
		}
	}
	if len(contents) != 5 {
		t.Errorf("got %d files, want 5: %v", len(contents), contents)
	}
}

// TestVariablesInPaths checks that variables in paths are filled in from the .env beside the compose file and from defaults, and
// that the .env is not packed.
func TestVariablesInPaths(t *testing.T) {
	t.Parallel()
	contents, plan, err := publish(t, map[string]string{
		"compose.yaml": "services: {web: {image: 'nginx:${TAG}', env_file: ['${DIR}/a.env', '${B:-b}.env', $C], label_file: web.labels}}\n",
		".env":         "DIR=conf # where\nTAG=1\nC='${DIR}/c'\nPASSWORD=hunter2\n", "conf/a.env": "A=1\n", "b.env": "B=1\n", "${DIR}/c": "C=1\n", "web.labels": "x=y\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"conf/a.env", "b.env", "${DIR}/c"} {
		if _, ok := contents[compose.LayerName(name)]; !ok {
			t.Errorf("got files %v, want %s among them", contents, name)
		}
	}
	for title, content := range contents {
		if strings.Contains(content, "hunter2") {
			t.Errorf("%s: got the password, want it left out", title)
		}
	}
	if contents["web.labels"] != "x=y\n" || len(contents) != 5 {
		t.Errorf("got files %v, want 5 with web.labels", contents)
	}
	if !strings.Contains(strings.Join(plan.Notes, "\n"), "compose: .env is left out: no service names it as env_file") {
		t.Errorf("got notes %q, want one about .env", plan.Notes)
	}
}

// TestInvalidComposeFiles checks that compose files are refused if docker compose refuses them, and that unusual valid ones are
// accepted.
func TestInvalidComposeFiles(t *testing.T) {
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
		_, _, err := publish(t, map[string]string{"compose.yaml": text})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// TestPathsInAliases checks that a path with aliases is rewritten as if it were repeated in the place of each alias.
func TestPathsInAliases(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ plain, aliased string }{
		"build as a string": {"build: ./a", "build: &x ./a"},
		"additional_contexts as a list": {
			"build: {additional_contexts: [a=./a, b=../b]}",
			"build: {additional_contexts: &x [a=./a, b=../b]}",
		},
		"item of additional_contexts":      {"build: {additional_contexts: [a=./a]}", "build: {additional_contexts: [&x a=./a]}"},
		"additional_contexts as a mapping": {"build: {additional_contexts: {a: ./a}}", "build: {additional_contexts: &x {a: ./a}}"},
		"build as a mapping":               {"build: {context: ., additional_contexts: [a=./a]}", "build: &x {context: ., additional_contexts: [a=./a]}"},
		"volumes":                          {"volumes: ['./a:/a', '/b:/b']", "volumes: &x ['./a:/a', '/b:/b']"},
		"volume as a string":               {"volumes: ['./a:/a']", "volumes: [&x './a:/a']"},
		"volume as a mapping":              {"volumes: [{type: bind, source: ./a, target: /a}]", "volumes: [&x {type: bind, source: ./a, target: /a}]"},
		"source of a volume":               {"volumes: [{type: bind, source: ./a, target: /a}]", "volumes: [{type: bind, source: &x ./a, target: /a}]"},
		"watch":                            {"develop: {watch: [{path: ./a, action: rebuild}]}", "develop: {watch: &x [{path: ./a, action: rebuild}]}"},
		"env_file as a string":             {"env_file: ./db.env", "env_file: &x ./db.env"},
		"env_file as a list":               {"env_file: [db.env]", "env_file: &x [db.env]"},
		"item of env_file":                 {"env_file: [{path: db.env, required: false}]", "env_file: [&x {path: db.env, required: false}]"},
		"extends":                          {"extends: {file: base.yaml, service: s}", "extends: &x {file: base.yaml, service: s}"},
		"file of extends":                  {"extends: {file: base.yaml, service: s}", "extends: {file: &x base.yaml, service: s}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			anchor := strings.Index(tc.aliased, "&x ")
			end := len(tc.aliased)
			if rest := tc.plain[anchor:]; anchor > 0 { // find the end of the anchored node
				node := firstNode(t, rest)
				end = anchor + len("&x ") + len(node)
			}
			second := tc.aliased[:anchor] + "*x" + tc.aliased[end:]
			services := func(first, second string) map[string]any {
				files := map[string]string{
					"compose.yaml": "include: [db/compose.yaml]\n", "db/db.env": "A=1\n", "db/base.yaml": "services: {s: {image: i}}\n",
					"db/compose.yaml": "services:\n  one:\n    image: i\n    " + first + "\n  two:\n    image: i\n    " + second +
						"\n  three:\n    image: i\n    " + second + "\n",
				}
				contents, plan, err := publish(t, files)
				if err != nil {
					t.Fatalf("%s: %v", files["db/compose.yaml"], err)
				}
				for _, w := range plan.Warnings {
					if strings.Contains(w, `"./db/`) {
						t.Errorf("got warning %q, want the path as in the source", w)
					}
				}
				var doc map[string]any
				if err := yaml.Unmarshal([]byte(contents[compose.LayerName("db/compose.yaml")]), &doc); err != nil {
					t.Fatal(err)
				}
				return doc
			}
			want, got := services(tc.plain, tc.plain), services(tc.aliased, second)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("with aliases: got\n%v\nwant\n%v", got, want)
			}
		})
	}
}

// firstNode returns the YAML node at the beginning of a text. It ends with its closing bracket, or before the next comma or bracket.
func firstNode(t *testing.T, text string) string {
	t.Helper()
	depth := 0
	for i, r := range text {
		switch r {
		case '{', '[':
			depth++
		case '}', ']', ',':
			if r != ',' {
				depth--
			}
			if depth < 0 || r == ',' && depth == 0 {
				return text[:i]
			}
			if depth == 0 {
				return text[:i+1]
			}
		}
	}
	return text
}

// TestAliasesForTwoUsesAreRefused checks that a path is refused if aliases use it both as a mounted file and as a published one.
func TestAliasesForTwoUsesAreRefused(t *testing.T) {
	t.Parallel()
	_, _, err := publish(t, map[string]string{
		"compose.yaml": "services:\n  a:\n    image: i\n    env_file: &x ./a.env\n    volumes: [{type: bind, source: *x, target: /a}]\n",
		"a.env":        "A=1\n",
	})
	if err == nil || !strings.Contains(err.Error(), `aliases of "./a.env" use it in two ways`) {
		t.Errorf("got %v, want \"use it in two ways\"", err)
	}
}

// TestIncludesWithAliases checks that an alias in include has the original value of its anchor, not the rewritten one.
func TestIncludesWithAliases(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"a/compose.yaml": "services: {a: {image: 'i:${V}', volumes: ['./x:/x']}}\n", "b/compose.yaml": "services: {b: {image: 'i:${V}', volumes: ['./x:/x']}}\n",
		"v.env": "V=1\n",
	}
	titles := func(include string) []string {
		files["compose.yaml"] = include
		contents, _, err := publish(t, files)
		if err != nil {
			t.Fatalf("%s: %v", include, err)
		}
		return slices.Sorted(maps.Keys(contents))
	}
	want := titles("include:\n  - {path: a/compose.yaml, project_directory: var, env_file: v.env}\n  - {path: b/compose.yaml, project_directory: var, env_file: v.env}\n")
	for _, include := range []string{
		"include:\n  - {path: a/compose.yaml, project_directory: &d var, env_file: v.env}\n  - {path: b/compose.yaml, project_directory: *d, env_file: v.env}\n",
		"include:\n  - {path: a/compose.yaml, project_directory: var, env_file: &e v.env}\n  - {path: b/compose.yaml, project_directory: var, env_file: *e}\n",
		"include:\n  - {path: a/compose.yaml, project_directory: var, env_file: &e [v.env]}\n  - {path: b/compose.yaml, project_directory: var, env_file: *e}\n",
	} {
		if got := titles(include); !slices.Equal(got, want) {
			t.Errorf("%s: got files %v, want %v", include, got, want)
		}
	}
}
