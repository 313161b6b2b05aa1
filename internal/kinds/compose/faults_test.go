package compose_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// TestFaultsAreReportedTogether checks that every fault of an application is reported, with the file, the line, and the column.
func TestFaultsAreReportedTogether(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"references of one file": {map[string]string{"compose.yaml": `include: [no.yaml, d.yaml, {path: a.txt}]
services:
  web:
    image: nginx
    env_file: [d, ../a.env, {path: no.env}, web.env]
    label_file: /etc/labels
    extends: {file: "${BASE}/x.yaml", service: a}
`, "d/x": "", "a.txt": "", "web.env": "", "d.yaml/x": ""}, []string{
			`compose.yaml:1:11: include names "no.yaml", which does not exist`,
			`compose.yaml:1:20: include names "d.yaml", which is a directory`,
			`compose.yaml:1:35: include "a.txt" does not end in .yaml or .yml`,
			`compose.yaml:5:16: service "web": env_file names "d", which is a directory`,
			`compose.yaml:5:19: service "web": env_file "../a.env" leaves the directory of the declaration`,
			`compose.yaml:5:36: service "web": env_file names "no.env", which does not exist`,
			`compose.yaml:5:45: service "web": env_file "web.env" is not among the layers`,
			`compose.yaml:6:17: service "web": label_file "/etc/labels" is absolute`,
			`compose.yaml:7:21: service "web": extends "${BASE}/x.yaml": neither .env nor a default sets the variable "BASE"`,
		}},
		"keys and values of several files": {map[string]string{"compose.yaml": `include: [sub/more.yaml]
services:
  a:
    image: x
    iamge: "${I}"
    deploy: {foo: 1, bar: 2}
    ports: 80
  b:
    image: x
    command: 'echo ${}'
    mem_limit: lots
    shm_size: more
    ports: ["a:b", "80:80", "c"]
`, "sub/more.yaml": "services:\n  c: {image: x, foo: 1}\n  d: &d {image: x, bar: 1}\n  e: *d\nnetwork: {}\n"}, []string{
			`compose.yaml:5:5: services.a: docker compose does not know the key "iamge": did you mean "image"?`,
			`compose.yaml:6:14: services.a.deploy: docker compose does not know the key "foo"`,
			`compose.yaml:6:22: services.a.deploy: docker compose does not know the key "bar"`,
			`compose.yaml:7:12: services.a.ports: docker compose requires array, not number`,
			`compose.yaml:10:14: docker compose can't fill in the variables of "echo ${}"`,
			`compose.yaml:11:5: service "b" has the size "lots" in mem_limit`,
			`compose.yaml:12:5: service "b" has the size "more" in shm_size`,
			`compose.yaml:13:13: service "b" has the port "a:b"`,
			`compose.yaml:13:29: service "b" has the port "c"`,
			`sub/more.yaml:2:17: services.c: docker compose does not know the key "foo"`,
			`sub/more.yaml:3:20: services.d: docker compose does not know the key "bar"`,
			`sub/more.yaml:3:20: services.e: docker compose does not know the key "bar"`,
			`sub/more.yaml:5:1: docker compose does not know the key "network": did you mean "networks"?`,
		}},
		"names that are not defined": {map[string]string{"compose.yaml": `services:
  a:
    image: x
    networks: [n, default]
    volumes: ["data:/d", {type: volume, source: other, target: /o}]
    depends_on: [b]
    links: ["l:m"]
    pid: service:p
    configs:
      - c
    secrets: [{source: s}]
  e: {tty: true}
  f: {extends: g}
  h: {build: .}
volumes: {v: {external: true, driver: local, labels: []}}
`}, []string{
			`compose.yaml:4:16: service "a" refers to the network "n"`,
			`compose.yaml:5:15: service "a" refers to the volume "data"`,
			`compose.yaml:5:26: service "a" refers to the volume "other"`,
			`compose.yaml:6:18: service "a" depends on the service "b", which is not defined`,
			`compose.yaml:7:13: service "a" depends on the service "l", which is not defined`,
			`compose.yaml:8:5: service "a" depends on the service "p", which is not defined`,
			`compose.yaml:10:9: service "a" refers to the config "c"`,
			`compose.yaml:11:15: service "a" refers to the secret "s"`,
			`compose.yaml:12:3: service "e" has neither an image nor a build section`,
			`compose.yaml:13:16: service "f": it extends the service "g", which is not in compose.yaml`,
			`compose.yaml:14:3: service "h": it has a build section and no image`,
			`compose.yaml:15:31: volume "v" is external, and has the key "driver"`,
			`compose.yaml:15:46: volume "v" is external, and has the key "labels"`,
		}},
		"no faults that only follow from others": {map[string]string{"compose.yaml": `include: [no.yaml]
services:
  a: {iamge: x, networks: [n]}
  b: {image: x, volumes: ["v:/v"], extends: {file: no.yml, service: c}}
  c: {biuld: .}
`}, []string{
			`compose.yaml:1:11: include names "no.yaml"`,
			`compose.yaml:3:7: services.a: docker compose does not know the key "iamge"`,
			`compose.yaml:4:52: service "b": extends names "no.yml"`,
			`compose.yaml:5:7: services.c: docker compose does not know the key "biuld"`,
		}},
		"faults that two checks find": {map[string]string{"compose.yaml": `include: no.yaml
services:
  a:
  b: {image: x, env_file: , environment: {1: a}, extends: {}}
  c: {image: x, extends: 5, label_file: 5}
  d: {extends: z}
  e: {extends: d}
  f: {extends: e}
  g: {extends: h}
  h: {extends: g}
configs: {c: , d: 5}
`}, []string{
			`compose.yaml:1:10: include: docker compose requires array, not string`,
			`compose.yaml:3:5: service "a": it is not a mapping`,
			`compose.yaml:4:27: service "b": its env_file is empty`,
			`compose.yaml:4:43: docker compose requires strings as keys, not 1`,
			`compose.yaml:4:59: services.b.extends: docker compose requires the key "service"`,
			`compose.yaml:5:26: services.c.extends: docker compose does not take that value`,
			`compose.yaml:5:41: service "c": label_file names "5"`,
			`compose.yaml:6:16: service "d": it extends the service "z"`,
			`compose.yaml:9:16: service "g": it extends itself`,
			`compose.yaml:11:14: configs.c: docker compose requires object, not null`,
			`compose.yaml:11:19: configs.d: docker compose requires object, not number`,
		}},
		"syntax of an included file": {map[string]string{"compose.yaml": "include: [a.yaml, b.yaml]\nservices: {a: {image: x, env_file: no}}\n",
			"a.yaml": "services:\n  b: {image: x}\n  b: {image: y}\n", "b.yaml": "services: [\n"}, []string{
			`a.yaml:3:1: docker compose can't read it: mapping key "b" already defined at line 2`,
			`b.yaml:2:1: docker compose can't read it: not YAML`,
			`compose.yaml:2:36: service "a": env_file names "no", which does not exist`,
		}},
		"directories": {map[string]string{"compose.yaml": "services:\n  a: {image: x, env_file: [{path: d, required: false}, {path: no, required: false}, d]}\n  b: {image: x, label_file: d}\n", "d/x": ""}, []string{
			`compose.yaml:2:35: service "a": env_file names "d", which is a directory`,
			`compose.yaml:2:85: service "a": env_file names "d", which is a directory`,
			`compose.yaml:3:29: service "b": label_file names "d", which is a directory`,
		}},
		"variables": {map[string]string{"compose.yaml": "services: {a: {image: x, env_file: no}}\n", ".env": "A=1\nB C=3\n"}, []string{
			`.env:2:1: docker compose can't read it: key cannot contain a space`,
		}},
		"variables of an included file": {map[string]string{"compose.yaml": "include: [sub/a.yaml, {path: b.yaml, env_file: b.env}]\nservices: {a: {image: x, env_file: no}}\n",
			"sub/a.yaml": "services: {s: {image: x, foo: 1}}\n", "sub/.env": "A=\"\n", "b.yaml": "services: {b: {image: x}}\n", "b.env": "\n\nA B=1\n"}, []string{
			`b.env:3:1: docker compose can't read it: key cannot contain a space`,
			`compose.yaml:2:36: service "a": env_file names "no", which does not exist`,
			`sub/.env:2:1: docker compose can't read it: unterminated quoted value`,
		}},
		"cycles": {map[string]string{"compose.yaml": "include:\n  - a.yaml\nservices:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: {a: {condition: service_started}}}\n", "a.yaml": "include: [compose.yaml]\n"}, []string{
			`a.yaml:1:11: the files include each other in a cycle: compose.yaml → a.yaml → compose.yaml`,
			`compose.yaml:5:30: the services depend on each other in a cycle: a → b → a`,
		}},
		"two documents": {map[string]string{"compose.yaml": "services:\n  a: {image: x, foo: 1}\n---\nservices:\n  a: {bar: 1}\n  b: {image: x, networks: [n]}\n"}, []string{
			`compose.yaml:2:17: services.a: docker compose does not know the key "foo"`,
			`compose.yaml:5:7: services.a: docker compose does not know the key "bar"`,
			`compose.yaml:6:28: service "b" refers to the network "n"`,
		}},
		"a file extended by many services": {map[string]string{"compose.yaml": "services:\n" + manyServices(50), "base.yaml": "services:\n  z: {image: '${}'}\n"}, []string{
			`base.yaml:2:14: docker compose can't fill in the variables of "${}"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := kindtest.Compose(t, tt.files, "kind: compose\nlayers: [compose.yaml]\n")
			var problems spec.Problems
			if !errors.As(err, &problems) || len(problems) != len(tt.want) {
				t.Fatalf("got\n%v\nwant %d problems", err, len(tt.want))
			}
			for i, want := range tt.want {
				if got := problems[i].Error(); !strings.HasPrefix(got, want) {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			}
		})
	}
}

// manyServices returns services that extend one of base.yaml.
func manyServices(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  s%d: {extends: {file: base.yaml, service: z}}\n", i)
	}
	return b.String()
}
