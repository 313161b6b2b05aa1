package compose_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/compose"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
)

func TestComposeApplication(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "compose")
	common, env := compose.LayerName("common.yaml"), compose.LayerName("web.env")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
compose application/vnd.docker.compose.file+yaml raw compose.yaml
compose application/vnd.docker.compose.file+yaml raw `+common+`
env application/vnd.docker.compose.envfile raw `+env)
	kindtest.WantLines(t, string(plan.Layers[0].Content), `
services:
  web: # the page
    image: nginx:1.29-alpine
    env_file: [`+env+`]
    extends:
      file: `+common+`
      service: base
    ports: ["8080:80"]`)
	if got := plan.Layers[0].Annotations; got[mediatypes.ComposeFileName] != "compose.yaml" || got[mediatypes.ComposeExtends] != "" {
		t.Errorf("annotations of the first file: got %v, want only its name", got)
	}
	if got := plan.Layers[1].Annotations; got[mediatypes.ComposeFileName] != common || got[mediatypes.ComposeExtends] != "true" {
		t.Errorf("annotations of the extended file: got %v, want its name and extends", got)
	}
	if got := plan.Layers[2].Annotations; got[mediatypes.ComposeEnvFileName] != env {
		t.Errorf("annotations of the env file: got %v, want its name", got)
	}
	if plan.ArtifactType != mediatypes.ComposeProject || plan.ConfigType != mediatypes.EmptyJSON || string(kindtest.Finished(t, plan).Config) != "{}" {
		t.Errorf("got artifactType %s, config %s, want a compose project with an empty config", plan.ArtifactType, plan.ConfigType)
	}
	if len(plan.Warnings) > 0 {
		t.Errorf("got warnings %q, want none", plan.Warnings)
	}
}

func TestComposeRewrites(t *testing.T) {
	t.Parallel()
	env, base := compose.LayerName("conf/a.env"), compose.LayerName("base.yaml")
	for name, tt := range map[string]struct{ yaml, want string }{
		"no paths":                           {"services: {a: {image:   x}}\n", "services: {a: {image:   x}}\n"},
		"env_file as a string":               {"services: {a: {image: x, env_file: ./conf/a.env}}\n", "services: {a: {image: x, env_file: " + env + "}}\n"},
		"env_file as a mapping":              {"services: {a: {image: x, env_file: [{path: conf/a.env, format: raw}]}}\n", "services: {a: {image: x, env_file: [{path: " + env + ", format: raw}]}}\n"},
		"missing optional env_file":          {"services: {a: {image: x, env_file: [{path: no.env, required: false}]}}\n", "services: {a: {image: x, env_file: [{path: " + compose.LayerName("no.env") + ", required: false}]}}\n"},
		"label_file":                         {"services: {a: {image: x, label_file: [conf/a.env]}}\n", "services: {a: {image: x, label_file: [" + env + "]}}\n"},
		"extends a file in a registry":       {"services: {a: {extends: {file: 'oci://h/r', service: b}}}\n", "services: {a: {extends: {file: 'oci://h/r', service: b}}}\n"},
		"extends a service of the same file": {"services: {a: {extends: b}, b: {image: x}}\n", "services: {a: {extends: b}, b: {image: x}}\n"},
		"include":                            {"include: [base.yaml, {path: [base.yaml]}]\nservices: {a: {image: x}}\n", "include: [" + base + ", {path: [" + base + "]}]\nservices: {a: {image: x}}\n"},
		"an anchor with a path": {"x-e: &e {env_file: conf/a.env}\nservices:\n  a: {<<: *e, image: x}\n  b: {<<: *e, image: x}\n",
			"x-e: &e {env_file: " + env + "}\nservices:\n  a: {!!merge <<: *e, image: x}\n  b: {!!merge <<: *e, image: x}\n"},
		"YAML tags of docker compose": {"services: {a: {image: x, ports: !reset [], environment: !override {A: b}, env_file: conf/a.env}}\n",
			"services: {a: {image: x, ports: !reset [], environment: !override {A: b}, env_file: " + env + "}}\n"},
		"two documents": {"services: {a: {image: x}}\n---\nservices: {a: {env_file: conf/a.env}}\n", "services: {a: {image: x}}\n---\nservices: {a: {env_file: " + env + "}}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"c.yaml": tt.yaml, "conf/a.env": "A=1", "base.yaml": "services: {z: {image: x}}"}
			plan, err := kindtest.Compose(t, files, "kind: compose\nlayers: [{path: c.yaml, as: compose}, {path: conf/a.env, as: env}]\n")
			if err != nil {
				t.Fatal(err)
			}
			if got := string(plan.Layers[0].Content); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestComposeFileOrder(t *testing.T) {
	t.Parallel()
	const service = "services: {a: {image: x}}\n"
	plan, err := kindtest.Compose(t, map[string]string{"compose.override.yaml": service, "compose.yaml": "include: [base.yml]\n" + service, "base.yml": service},
		"kind: compose\nlayers: ['*.y*ml']\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
compose application/vnd.docker.compose.file+yaml raw compose.yaml
compose application/vnd.docker.compose.file+yaml raw compose.override.yaml
compose application/vnd.docker.compose.file+yaml raw `+compose.LayerName("base.yml"))
}

// TestHintsAtMissingFiles checks the errors about missing files, and that a suggested path is relative to the file that names it.
func TestHintsAtMissingFiles(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"beside the compose file": {map[string]string{"compose.yaml": "services: {a: {image: x, env_file: wbe.env}}\n", "web.env": "A=b"},
			`compose.yaml:1:36: service "a": env_file names "wbe.env", which does not exist (did you mean "web.env"?)`},
		"in a subdirectory": {map[string]string{"compose.yaml": "services: {a: {image: x, label_file: cnf/labels}}\n", "conf/labels": "A=b"},
			`names "cnf/labels", which does not exist (did you mean "conf/labels"?)`},
		"in an included file": {map[string]string{"compose.yaml": "include: [sub/c.yaml]\n", "sub/c.yaml": "services: {a: {extends: {file: ../bsae.yaml, service: a}}}\n", "base.yaml": "services: {a: {image: x}}\n"},
			`sub/c.yaml:1:32: service "a": extends names "../bsae.yaml", which does not exist (did you mean "../base.yaml"?)`},
		"with a variable": {map[string]string{"compose.yaml": "include: ['${DIR}/c.yml']\n", ".env": "DIR=subs", "sub/c.yaml": "services: {}\n"},
			`include names "${DIR}/c.yml", which does not exist (did you mean "sub/c.yaml"?)`},
		"no similar name": {map[string]string{"compose.yaml": "services: {a: {image: x, env_file: [./web.env]}}\n"}, `env_file names "./web.env", which does not exist`},
		"not among the layers": {map[string]string{"compose.yaml": "services: {a: {image: x, env_file: [./web.env]}}\n", "web.env": "A=b"},
			`env_file "./web.env" is not among the layers; to publish its content, add {path: web.env, as: env} to layers`},
		"outside the directory": {map[string]string{"compose.yaml": "services: {a: {image: x, env_file: [../web.env]}}\n"},
			`env_file "../web.env" leaves the directory of the declaration (move the file below it, or the declaration above)`},
	} {
		_, err := kindtest.Compose(t, tt.files, "kind: compose\nlayers: [compose.yaml]\n")
		if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
}

func TestComposeWarns(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"c.yaml": `
services:
  db:
    image: postgres
    env_file: x.env
    environment: {POSTGRES_PASSWORD: hunter2, API_TOKEN: "${TOKEN}", PASSWORD_FILE: /run/secrets/x, COLOR: red}
    volumes: ["./data:/var/lib", "named:/x", {type: bind, source: /etc, target: /etc}]
configs: {c: {content: "x=1"}}
secrets: {s: {file: ./s.txt}}
volumes: {named: }
`, "x.env": "# a comment\nSECRET_KEY=abcdef\nCOLOR=red\n"}, "kind: compose\nlayers: [c.yaml, x.env]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, strings.Join(plan.Warnings, "\n"), `
x.env: has a literal value for "SECRET_KEY"
c.yaml: service "db" mounts "./data" of the machine it runs on; the content is not part of the artifact
c.yaml: service "db" mounts "/etc" of the machine it runs on; the content is not part of the artifact
c.yaml: service "db" has a literal value for "POSTGRES_PASSWORD"
c.yaml: config "c" has literal content
c.yaml: secret "s" is read from the file "./s.txt", which is not part of the artifact`)
}
