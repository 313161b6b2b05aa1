//go:build !darwin && !windows

package cli

import (
	"cmp"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/spf13/cobra"
)

// exampleFiles is a script that creates the files that the examples of help use: plain files, artifacts in ./oci and ./app.tar, and,
// below ./registry, the content of the registry.
const exampleFiles = `
set -e
cp examples/model/tiny-llama.gguf model.gguf
cp examples/model/tiny-llama.gguf tiny.gguf
cp examples/model/LICENSE examples/report/scan.sarif .
cp examples/sbom/greeting.spdx.json sbom.spdx.json
cp examples/runbook/greeting-down.md runbook.md
cp -r examples/docs/manual docs
echo '{"bomFormat": "CycloneDX", "specVersion": "1.6"}' >sbom.cdx.json
echo '{kind: docs, layers: [docs/]}' >davit.yaml
mkdir charts models
cp -r examples/helm/greeting charts/web
cp -r examples/model models/tiny
tar -czf web-1.0.0.tgz -C charts web

davit -q pack --kind docs docs/index.md -o ./oci:old
davit -q pack -o ./oci:1.0 --tag new --tag latest
davit -q attach sbom.spdx.json ./oci:1.0

mkdir -p app/amd64/etc app/arm64/etc
echo 1.0 >app/amd64/etc/release
echo 1.0 >app/arm64/etc/release
cat >app/davit.yaml <<.
kind: image
platforms:
  - {platform: linux/amd64, layers: [amd64/]}
  - {platform: linux/arm64, layers: [arm64/]}
.
davit -q pack app -o ./registry/app:1.0
davit -q copy ./registry/app:1.0 ./app.tar
davit -q copy ./registry/app:1.0 ./registry/app:1.0-amd64 --platform linux/amd64
davit -q copy ./registry/app:1.0 ./registry/app:1.0-arm64 --platform linux/arm64
davit -q copy ./registry/app:1.0-amd64 ./registry/build:a
davit -q copy ./registry/app:1.0-arm64 ./registry/build:b
echo 1.1 >app/amd64/etc/release
davit -q pack app -o ./registry/app:1.1
davit -q attach scan.sarif sbom.spdx.json runbook.md ./registry/app:1.0
davit -q attach --each-platform sbom.spdx.json ./registry/app:1.0
davit -q pack tiny.gguf LICENSE -o ./registry/tiny:1.0
`

// exampleRegistry is a script that fills the registry of a sandbox.
const exampleRegistry = `
set -e
davit -q copy --all-tags --referrers ./registry/app registry.example.com/app
davit -q copy --all-tags ./registry/build registry.example.com/build
davit -q copy ./registry/tiny:1.0 registry.example.com/models/tiny
`

// keys is a script that creates the key pairs that examples use.
const keys = "davit -q keygen; cp davit.key release.key; cp davit.pub release.pub"

// podman is a script that installs a fake podman, which exports the volume of an example.
const podman = `mkdir -p $HOME/bin; cat >$HOME/bin/podman <<'.'
#!/bin/sh
exec tar -c -C docs .
.
chmod 755 $HOME/bin/podman`

// examplePreparations are scripts that run before the examples of a command.
var examplePreparations = map[string]string{
	"check":       "cp davit.yaml models.yaml",
	"completion":  "mkdir -p ~/.local/share/bash-completion/completions ~/.zfunc ~/.config/fish/completions",
	"verify":      keys + "; davit -q sign registry.example.com/app:1.0 --key davit.key --referrers; davit -q pull registry.example.com/models/tiny:1.0 -o tiny",
	"copy":        "printf 'registry.example.com/app:1.0\\nregistry.example.com/models/tiny:1.0\\n' >list.txt; davit -q copy ./registry/app:1.1 registry.example.com/web:2.1",
	"repos":       "davit -q copy ./registry/app:1.0 ./mirror",
	"lock":        "davit -q lock update ./registry/app:1.0",
	"lock update": keys + "; davit -q sign registry.example.com/app:1.0 --key davit.key; davit -q lock update registry.example.com/models/tiny:1.0",
	"lock check":  keys + "; davit -q sign ./registry/app:1.0 --key davit.key; davit -q lock update ./registry/app:1.0 --verify-key davit.pub",
	"diff": "davit -q pull registry.example.com/models/tiny:1.0 -o tiny; echo more >>tiny/LICENSE; " +
		"davit -q push charts/web registry.example.com/charts/web:1.0.0 --force && echo more: 1 >>charts/web/values.yaml",
	"resolve": "davit -q tag registry.example.com/app:1.0 1.0.0",
	"sign":    keys,
	"prune":   "davit -q tag registry.example.com/app:1.0 v1",
	"push":    podman,
	"detach":  "davit -q detach ./oci:1.0 --all; davit -q attach sbom.spdx.json ./oci:1.0",
	"init":    "rm -r app docs models examples oci registry *.*",
}

// TestExamples runs every example of every help text unchanged.
func TestExamples(t *testing.T) {
	t.Parallel()
	template := newSandbox(t) // copied for each command
	template.must(t, exampleFiles)
	for _, cmd := range allCommands(t) {
		all := []*cobra.Command{cmd}
		if cmd.HasParent() {
			all = append(all, cmd.Commands()...)
		}
		for i, cmd := range all {
			if i > 0 && cmd.Example == "" {
				continue // its parent has examples of it
			}
			t.Run(commandName(cmd), func(t *testing.T) {
				t.Parallel()
				runExamples(t, template, cmd)
			})
		}
	}
}

// commandName returns the path of a command without "davit", as in "lock update".
func commandName(cmd *cobra.Command) string {
	return cmp.Or(strings.TrimPrefix(cmd.CommandPath(), "davit "), cmd.Name())
}

func runExamples(t *testing.T, template *sandbox, cmd *cobra.Command) {
	t.Helper()
	examples := lines(cmd.Example)
	if len(examples) == 0 || !strings.Contains(cmd.Example, cmd.CommandPath()) {
		t.Fatalf("help has no example of %q", cmd.CommandPath())
	}
	s := newSandbox(t)
	s.copy(t, template)
	if strings.Contains(cmd.Example, "registry.example.com/") {
		s.must(t, exampleRegistry)
	}
	s.must(t, cmp.Or(examplePreparations[commandName(cmd)], "true"))
	address := ""
	for _, example := range examples {
		switch program, _, _ := strings.Cut(example, " "); {
		case (cmd.Name() == "serve" || cmd.Name() == "browse") && program == "davit":
			address = s.serve(t, example)
		case program != "davit" && program != "echo" && program != "cat" && !strings.Contains(program, "="):
			t.Run(program, func(t *testing.T) { // skipped where it is not installed
				example = strings.ReplaceAll(example, "127.0.0.1:5000", address)
				s.runExample(t, clients.Path(t, program)+strings.TrimPrefix(example, program))
			})
		default:
			s.runExample(t, example)
		}
	}
}

// runExample runs an example. The example must succeed or, for "davit diff", report a difference.
func (s *sandbox) runExample(t *testing.T, example string) {
	t.Helper()
	var env []string
	if example == "davit login registry.example.com" { // it would prompt on a terminal
		env = []string{"DAVIT_USERNAME=me", "DAVIT_PASSWORD=secret"}
	}
	want := exit.Done
	if strings.HasPrefix(example, "davit diff ") {
		want = exit.No
	}
	if out, code := s.sh(t, example, env...); code != int(want) {
		t.Errorf("%s: got exit code %d, want %d\n%s", example, code, want, out)
	}
}

// TestDemo runs the demo twice. The demo must end with a summary, and clean up, so that both runs print the same.
func TestDemo(t *testing.T) {
	t.Parallel()
	clients.Path(t, "cmp")
	s := newSandbox(t)
	first, code := s.sh(t, "sh examples/demo.sh")
	if code != 0 || !strings.Contains(first, "# Done: ") {
		t.Fatalf("exit code %d:\n%s", code, first)
	}
	again, code := s.sh(t, "HOME=/dev/null sh examples/demo.sh")
	again = strings.ReplaceAll(again, "davit: this pull is not recorded: mkdir /dev/null: not a directory\n", "")
	if code != 0 || again != first {
		t.Errorf("second run: got exit code %d and\n%s\nwant 0 and\n%s", code, again, first)
	}
}
