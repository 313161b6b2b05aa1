package compose_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/compose"
)

// TestConsistency checks that files are accepted or refused as docker compose config does. The files of a case are compose.yaml,
// compose.override.yaml, and more.yaml, separated by "===".
func TestConsistency(t *testing.T) {
	t.Parallel()
	const web = "services:\n  web:\n    image: nginx\n"
	for name, test := range map[string]struct{ files, want string }{
		"undefined network":                            {web + "    networks: [n]\n", `service "web" refers to the network "n", which is not defined under networks`},
		"undefined network in a mapping":               {web + "    networks: {n: {aliases: [x]}}\n", `the network "n"`},
		"defined network":                              {web + "    networks: [default, n]\nnetworks: {n: }\n", ""},
		"undefined volume":                             {web + "    volumes: ['vol:/v']\n", `refers to the volume "vol", which is not defined under volumes`},
		"undefined volume in a mapping":                {web + "    volumes: [{type: volume, source: vol, target: /v}]\n", `the volume "vol"`},
		"undefined volume as a variable's default":     {web + "    volumes: ['${V:-vol}:/v']\n", `the volume "vol"`},
		"volume from an unset variable":                {web + "    volumes: ['${V}:/v']\n", ""},
		"volume name of one letter":                    {web + "    volumes: ['v:/v']\n", ""},
		"other mounts":                                 {web + "    volumes: ['/v', './a:/a', '../b:/b', '~/c:/c', 'C:\\d:/d', {type: tmpfs, target: /t}]\n", ""},
		"volume defined in an override":                {web + "    volumes: ['vol:/v']\n===\nvolumes: {vol: }\n", ""},
		"mount replaced in an override":                {web + "    volumes: ['vol:/v']\n===\nservices: {web: {volumes: ['./v:/v']}}\n", ""},
		"volume defined in an include":                 {"include: [more.yaml]\n" + web + "    volumes: ['vol:/v']\n===\n===\nvolumes: {vol: }\n", ""},
		"volume defined in an extended file":           {"services: {web: {extends: {file: more.yaml, service: a}}}\n===\n===\nservices: {a: {image: x, volumes: ['vol:/v']}}\nvolumes: {vol: }\n", `the volume "vol"`},
		"mounts reset in an override":                  {web + "    volumes: ['vol:/v']\n===\nservices: {web: {volumes: !reset []}}\n", ""},
		"include from a registry":                      {"include: ['oci://example.com/a']\n" + web + "    volumes: ['vol:/v']\n", ""},
		"undefined config":                             {web + "    configs: [c]\n", `the config "c"`},
		"undefined secret":                             {web + "    secrets: [{source: s, target: t}]\n", `the secret "s"`},
		"undefined build secret":                       {web + "    build: {context: ., secrets: [s]}\n", `is built with the secret "s"`},
		"undefined model":                              {web + "    models: [m]\n", `the model "m"`},
		"no image":                                     {"services: {web: {tty: true}}\n", `service "web" has neither an image nor a build section`},
		"image in an override":                         {"services: {web: {tty: true}}\n===\nservices: {web: {image: x}}\n", ""},
		"no image but extends":                         {"services: {web: {extends: b}, b: {image: x}}\n", ""},
		"build without an image":                       {"services: {web: {build: .}}\n", `service "web": it has a build section and no image`},
		"build in an override":                         {web + "===\nservices: {web: {build: .}}\n", ""},
		"service reset in an override":                 {web + "  b: {tty: true}\n===\nservices: {b: !reset null}\n", ""},
		"undefined dependency":                         {web + "    depends_on: [b]\n", `depends on the service "b", which is not defined`},
		"dependency with an inactive profile":          {web + "    depends_on: [b]\n  b: {image: x, profiles: [p]}\n", "only has inactive profiles"},
		"optional dependency with an inactive profile": {web + "    depends_on: {b: {condition: service_started, required: false}}\n  b: {image: x, profiles: [p]}\n", ""},
		"network of an undefined service":              {web + "    network_mode: service:b\n", `the service "b"`},
		"processes of an undefined service":            {web + "    pid: service:b\n", `the service "b"`},
		"volumes of an undefined service":              {web + "    volumes_from: [b:ro]\n", `the service "b"`},
		"link to an undefined service":                 {web + "    links: [b:c]\n", `the service "b"`},
		"cycle of dependencies":                        {web + "    depends_on: [b]\n  b: {image: x, depends_on: [web]}\n", "b → web → b"},
		"cycle of includes":                            {"include: [more.yaml]\n" + web + "===\n===\ninclude: [compose.yaml]\n", "include each other in a cycle"},
		"cycle of extensions":                          {"services: {a: {image: x, extends: b}, b: {image: x, extends: a}}\n", "it extends itself"},
		"base that extends a later service":            {"services: {a: {extends: b}, b: {extends: {service: c}}, c: {image: x}}\n", ""},
		"base that extends an earlier service":         {"services: {c: {extends: b}, b: {extends: a}, a: {image: x}}\n", ""},
		"volume of a base of a base":                   {"services: {a: {extends: b}, b: {extends: c, volumes: ['vol:/v']}, c: {image: x}}\n", `service "b" refers to the volume "vol"`},
		"include without a value":                      {web + "include:\n", ""},
		"include with empty values":                    {web + "include: [null, {path: more.yaml, env_file: , project_directory: , x-a: 1}, {path: }]\n===\n===\n" + web, ""},
		"include that is not a list":                   {web + "include: more.yaml\n===\n===\n" + web, "include: docker compose requires array, not string"},
		"misspelled key of include":                    {web + "include: [{paths: more.yaml}]\n===\n===\n" + web, `did you mean "path"?`},
		"extends an unknown service":                   {web + "    extends: b\n", `it extends the service "b", which is not in compose.yaml`},
		"extends an unknown service of a file":         {web + "    extends: {file: more.yaml, service: b}\n===\n===\nservices: {a: {image: x}}\n", "which is not in more.yaml"},
		"unknown key below a service":                  {web + "    deploy: {foo: bar}\n", `services.web.deploy: docker compose does not know the key "foo"`},
		"unknown key in an include":                    {"include: [more.yaml]\n===\n===\nservices: {a: {image: x, foo: bar}}\n", `more.yaml:1:26: services.a: docker compose does not know`},
		"wrong type":                                   {web + "    ports: 80\n", "services.web.ports: docker compose requires array"},
		"invalid variable":                             {web + "    command: 'echo ${}'\n", "write $$ for a dollar sign"},
		"required variable":                            {web + "    command: 'echo ${A:?set it}'\n", ""},
		"two networks":                                 {web + "    network_mode: host\n    networks: [default]\n", "has network_mode and networks"},
		"two dockerfiles":                              {web + "    build: {dockerfile: D, dockerfile_inline: FROM x}\n", "has a dockerfile and dockerfile_inline"},
		"two sources":                                  {web + "secrets: {s: {file: a, environment: B}}\n", `secret "s" has file and environment`},
		"no source":                                    {web + "configs: {c: {name: x}}\n", `config "c" has none of file, environment, content`},
		"external volume with a driver":                {web + "volumes: {vol: {external: true, driver: local}}\n", `volume "vol" is external`},
		"invalid size":                                 {web + "    mem_limit: lots\n", `the size "lots" in mem_limit`},
		"valid sizes":                                  {web + "    mem_limit: 1.5gb\n    shm_size: 64M\n    memswap_limit: 100\n", ""},
		"invalid duration":                             {web + "    healthcheck: {test: [CMD, x], interval: soon}\n", `the duration "soon" in healthcheck.interval`},
		"valid durations":                              {web + "    stop_grace_period: 1m30s\n    healthcheck: {test: x, interval: 1.5s, timeout: 200ms}\n", ""},
		"invalid port":                                 {web + "    ports: ['a:b']\n", `the port "a:b"`},
		"valid ports":                                  {web + "    ports: ['80', '80:80', '127.0.0.1:1-2:3-4/udp', '[::1]:80:80', '127.0.0.1::80', 443, '80:80', {target: 1}]\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{}
			for i, text := range strings.Split(test.files, "===\n") {
				if name := [...]string{"compose.yaml", "compose.override.yaml", "more.yaml"}[i]; text != "" {
					files[name] = text
				}
			}
			_, _, err := publish(t, files)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestIncludedEnvFiles checks that the env files of includes are published, except for .env.
func TestIncludedEnvFiles(t *testing.T) {
	t.Parallel()
	contents, plan, err := publish(t, map[string]string{
		"compose.yaml": "include:\n  - path: a/c.yaml\n    env_file: [a/my.env, .env]\n  - {path: b.yaml, env_file: .env}\n  - {path: d.yaml, env_file: /dev/null}\n",
		"a/c.yaml":     "services: {a: {image: 'x:${T}', env_file: '${T}.env'}}\n",
		"a/5.env":      "Q=1\n", "a/my.env": "T=5\n", ".env": "SECRET=1\n",
		"b.yaml": "services: {b: {image: x}}\n", "d.yaml": "services: {d: {image: x}}\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "include:\n  - path: " + compose.LayerName("a/c.yaml") + "\n    env_file:\n      - " + compose.LayerName("a/my.env") + "\n" +
		"  - {path: " + compose.LayerName("b.yaml") + "}\n" +
		"  - {path: " + compose.LayerName("d.yaml") + ", env_file: [/dev/null]}\n"
	if got := contents["compose.yaml"]; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if contents[compose.LayerName("a/my.env")] != "T=5\n" || contents[compose.LayerName("a/5.env")] != "Q=1\n" {
		t.Errorf("got contents %q, want a/my.env and a/5.env unchanged", contents)
	}
	if len(contents) != 6 || !strings.Contains(strings.Join(plan.Warnings, "\n"), `include fills in variables from ".env", which is not published`) {
		t.Errorf("got %d layers, warnings %q, want 6 layers and a warning about .env", len(contents), plan.Warnings)
	}
}
