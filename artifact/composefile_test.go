package artifact

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/davit-oci/davit/mediatypes"
	"gopkg.in/yaml.v3"
)

func TestComposeApplication(t *testing.T) {
	t.Parallel()
	plan := composeExample(t, "compose")
	common, env := composeName("common.yaml"), composeName("web.env")
	wantLines(t, layerLines(plan), `
compose application/vnd.docker.compose.file+yaml raw compose.yaml
compose application/vnd.docker.compose.file+yaml raw `+common+`
env application/vnd.docker.compose.envfile raw `+env)
	wantLines(t, string(plan.Layers[0].Content), `
services:
  web: # the page
    image: nginx:1.29-alpine
    env_file: [`+env+`]
    extends:
      file: `+common+`
      service: base
    ports: ["8080:80"]`)
	if got := plan.Layers[0].Annotations; got[mediatypes.ComposeFileName] != "compose.yaml" || got[mediatypes.ComposeExtends] != "" {
		t.Errorf("annotations of the first file are %v", got)
	}
	if got := plan.Layers[1].Annotations; got[mediatypes.ComposeFileName] != common || got[mediatypes.ComposeExtends] != "true" {
		t.Errorf("annotations of the extended file are %v", got)
	}
	if got := plan.Layers[2].Annotations; got[mediatypes.ComposeEnvFileName] != env {
		t.Errorf("annotations of the env file are %v", got)
	}
	if plan.ArtifactType != mediatypes.ComposeProject || plan.ConfigType != mediatypes.EmptyJSON || string(finished(t, plan).Config) != "{}" {
		t.Errorf("artifactType %s, config %s", plan.ArtifactType, plan.ConfigType)
	}
	if len(plan.Warnings) > 0 {
		t.Errorf("warnings: %q", plan.Warnings)
	}
}

func TestComposeRewrites(t *testing.T) {
	t.Parallel()
	env, base := composeName("conf/a.env"), composeName("base.yaml")
	for name, tt := range map[string]struct{ yaml, want string }{
		"nothing":           {"services: {a: {image:   x}}\n", "services: {a: {image:   x}}\n"},
		"env_file string":   {"services: {a: {image: x, env_file: ./conf/a.env}}\n", "services: {a: {image: x, env_file: " + env + "}}\n"},
		"env_file long":     {"services: {a: {image: x, env_file: [{path: conf/a.env, format: raw}]}}\n", "services: {a: {image: x, env_file: [{path: " + env + ", format: raw}]}}\n"},
		"env_file optional": {"services: {a: {image: x, env_file: [{path: no.env, required: false}]}}\n", "services: {a: {image: x, env_file: [{path: " + composeName("no.env") + ", required: false}]}}\n"},
		"label_file":        {"services: {a: {image: x, label_file: [conf/a.env]}}\n", "services: {a: {image: x, label_file: [" + env + "]}}\n"},
		"extends elsewhere": {"services: {a: {extends: {file: 'oci://h/r', service: b}}}\n", "services: {a: {extends: {file: 'oci://h/r', service: b}}}\n"},
		"extends its own":   {"services: {a: {extends: b}, b: {image: x}}\n", "services: {a: {extends: b}, b: {image: x}}\n"},
		"include":           {"include: [base.yaml, {path: [base.yaml]}]\nservices: {a: {image: x}}\n", "include: [" + base + ", {path: [" + base + "]}]\nservices: {a: {image: x}}\n"},
		"an anchor": {"x-e: &e {env_file: conf/a.env}\nservices:\n  a: {<<: *e, image: x}\n  b: {<<: *e, image: x}\n",
			"x-e: &e {env_file: " + env + "}\nservices:\n  a: {!!merge <<: *e, image: x}\n  b: {!!merge <<: *e, image: x}\n"},
		"tags of compose": {"services: {a: {image: x, ports: !reset [], environment: !override {A: b}, env_file: conf/a.env}}\n",
			"services: {a: {image: x, ports: !reset [], environment: !override {A: b}, env_file: " + env + "}}\n"},
		"two documents": {"services: {a: {image: x}}\n---\nservices: {a: {env_file: conf/a.env}}\n", "services: {a: {image: x}}\n---\nservices: {a: {env_file: " + env + "}}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"c.yaml": tt.yaml, "conf/a.env": "A=1", "base.yaml": "services: {z: {image: x}}"}
			plan, err := composeTree(t, files, "kind: compose\nlayers: [{path: c.yaml, as: compose}, {path: conf/a.env, as: env}]\n")
			if err != nil {
				t.Fatal(err)
			}
			if got := string(plan.Layers[0].Content); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestComposeOfDirectory(t *testing.T) {
	t.Parallel()
	const service = "services: {a: {image: x}}\n"
	plan, err := composeTree(t, map[string]string{"compose.override.yaml": service, "compose.yaml": "include: [base.yml]\n" + service, "base.yml": service},
		"kind: compose\nlayers: ['*.y*ml']\n")
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, layerLines(plan), `
compose application/vnd.docker.compose.file+yaml raw compose.yaml
compose application/vnd.docker.compose.file+yaml raw compose.override.yaml
compose application/vnd.docker.compose.file+yaml raw `+composeName("base.yml"))
}

func TestComposeWarns(t *testing.T) {
	t.Parallel()
	plan, err := composeTree(t, map[string]string{"c.yaml": `
services:
  db:
    image: postgres
    env_file: x.env
    environment: {POSTGRES_PASSWORD: hunter2, API_TOKEN: "${TOKEN}", PASSWORD_FILE: /run/secrets/x, COLOR: red}
    volumes: ["./data:/var/lib", "named:/x", {type: bind, source: /etc, target: /etc}]
configs: {c: {content: "x=1"}}
secrets: {s: {file: ./s.txt}}
`, "x.env": "# a comment\nSECRET_KEY=abcdef\nCOLOR=red\n"}, "kind: compose\nlayers: [c.yaml, x.env]\n")
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, strings.Join(plan.Warnings, "\n"), `
x.env: has a literal value for "SECRET_KEY"
c.yaml: service "db" mounts "./data" of the machine it runs on; the content is not part of the artifact
c.yaml: service "db" mounts "/etc" of the machine it runs on; the content is not part of the artifact
c.yaml: service "db" has a literal value for "POSTGRES_PASSWORD"
c.yaml: config "c" has literal content
c.yaml: secret "s" is read from the file "./s.txt", which is not part of the artifact`)
}

// aliasBomb is a text of some hundred bytes that stands for a billion values.
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
		"absolute include":   {"include: [/etc/compose.yaml]\nservices: {}\n", `include "/etc/compose.yaml" is absolute; on another machine docker compose would not find it`},
		"Windows path":       {"services: {a: {extends: {file: 'C:\\base.yaml', service: b}}}\n", "is absolute"},
		"leaves":             {"services: {a: {extends: {file: ../base.yaml, service: b}}}\n", `extends "../base.yaml" leaves the directory`},
		"missing":            {"include: [no.yaml]\nservices: {}\n", `include "no.yaml"`},
		"env file unlisted":  {"services: {a: {image: x, env_file: b.env}}\n", `service "a": env_file "b.env" is not among the layers; list it`},
		"labels unlisted":    {"services: {a: {image: x, label_file: b}}\n", `service "a": label_file "b" is not among the layers; list it`},
		"only build":         {"services: {a: {build: .}}\n", `service "a": it has a build section and no image; docker compose refuses to publish that`},
		"a list":             {"[a]\n", "it is not a compose file"},
		"not YAML":           {"services: [\n", "docker compose can't read it"},
		"empty":              {"", "it is empty"},
		"a key twice":        {"services: {a: {image: x}}\nservices: {b: {image: x}}\n", "already defined"},
		"itself":             {"services:\n  a: &a\n    image: x\n    x-more: *a\n", "contains itself"},
		"aliases of aliases": {"services: {a: {image: x}}\n" + aliasBomb(), "excessive aliasing"},
		"services a list":    {"services: [a]\n", "its services are not a mapping"},
		"service a string":   {"services: {a: x}\n", `service "a": it is not a mapping`},
		"include with paths": {"include: [{path: a.yaml, env_file: x}]\nservices: {}\n", "reaches outside of the artifact"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := (&composeProject{fsys: newTree(t, map[string]string{"c.yaml": tt.yaml}).FS()}).publish("c.yaml")
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
		project := &composeProject{fsys: fsys, env: map[string]bool{"a.env": false}}
		file := &composeFile{composeProject: project, name: "c.yaml", seen: map[*yaml.Node]bool{}}
		out, err := file.rewrite(b)
		if err != nil || !file.changed {
			return
		}
		if err := yaml.Unmarshal(out, new(yaml.Node)); err != nil {
			t.Errorf("%q became what is no YAML: %q: %v", b, out, err)
		}
	})
}
