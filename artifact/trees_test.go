package artifact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n"

// TestNoWrongKind checks which kinds are detected for directories as in public repositories. Detect must not guess: files that
// show no kind are generic.
func TestNoWrongKind(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind  string
		files map[string]string
	}{
		"Kubernetes manifests":                        {"flux", map[string]string{"deployment.yaml": deployment, "service.yaml": strings.Replace(deployment, "Deployment", "Service", 1)}},
		"a kustomization":                             {"flux", map[string]string{"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": deployment}},
		"Tekton tasks":                                {"flux", map[string]string{"task.yaml": "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: a}\n"}},
		"a Go repository":                             {"generic", map[string]string{"go.mod": "module example.com/a\n", "main.go": "package main\n", "README.md": "# A\n", ".github/workflows/ci.yaml": "on: push\n", "LICENSE": "MIT\n"}},
		"an npm package":                              {"generic", map[string]string{"package.json": `{"name":"a","version":"1.0.0"}`, "src/index.ts": "", "README.md": "# A\n"}},
		"an npm module":                               {"generic", map[string]string{"package.json": `{"name":"a"}`, "index.js": "", "README.md": "# A\n"}},
		"an npm module with a web page":               {"generic", map[string]string{"package.json": `{"name":"a"}`, "index.html": "<p>a", "app.js": "", "README.md": "# A\n"}},
		"an npm workspace":                            {"generic", map[string]string{"package.json": `{"name":"a"}`, "packages/a/index.js": "", "packages/a/package.json": "{}", "README.md": "# A\n", "packages/a/README.md": "# A\n"}},
		"JSON data with a README":                     {"generic", map[string]string{"README.md": "# A\n", "train.json": "[]", "test.json": "[]"}},
		"CSV data and a picture":                      {"generic", map[string]string{"README.md": "# A\n", "train.csv": "a,b\n", "png/a.png": "", "LICENSE": "MIT"}},
		"a Rust crate":                                {"generic", map[string]string{"Cargo.toml": "[package]\nname = \"a\"\n", "Cargo.lock": "", "src/main.rs": "", "README.md": "# A\n", "CHANGELOG.md": "# 1\n", "doc/a.md": "# B\n"}},
		"a Python package":                            {"generic", map[string]string{"pyproject.toml": "[project]\nname = \"a\"\n", "src/a/__init__.py": "", "tests/test_a.py": "", "README.md": "# A\n", "docs/conf.py": "", "docs/index.rst": "A\n"}},
		"dotfiles":                                    {"generic", map[string]string{".bashrc": "", ".vimrc": "", "bin/a": "", "init/a.json": "{}", "README.md": "# A\n", "bootstrap.sh": ""}},
		"a website":                                   {"docs", map[string]string{"index.html": "<p>a", "404.html": "<p>b", "css/style.css": "", "js/app.js": "", "favicon.ico": ""}},
		"the source of an MkDocs site":                {"docs", map[string]string{"mkdocs.yml": "site_name: a\n", "docs/index.md": "# A\n", "docs/a.md": "# B\n", "docs/extra.js": ""}},
		"two charts":                                  {"generic", map[string]string{"charts/a/Chart.yaml": "name: a\nversion: 1.0.0\n", "charts/a/templates/a.yaml": deployment, "charts/b/Chart.yaml": "name: b\nversion: 1.0.0\n", "README.md": "# A\n"}},
		"an Ansible role":                             {"generic", map[string]string{"tasks/main.yml": "- debug: {}\n", "tasks/docker-compose.yml": "- name: a\n  get_url: {}\n", "meta/main.yml": "dependencies: []\n", "README.md": "# A\n"}},
		"Ansible tasks":                               {"generic", map[string]string{"main.yml": "- debug: {}\n", "docker-compose.yml": "- name: a\n  get_url: {}\n"}},
		"an Ollama Modelfile":                         {"generic", map[string]string{"Modelfile": "FROM llama3.2\nSYSTEM Be brief.\n", "README.md": "# A\n"}},
		"a Terraform configuration":                   {"generic", map[string]string{"main.tf": "", "variables.tf": "", ".terraform.lock.hcl": ""}},
		"a Terraform module with a README":            {"generic", map[string]string{"main.tf": "", "outputs.tf": "", "README.md": "# A\n", "examples/basic/main.tf": ""}},
		"Rego policies":                               {"generic", map[string]string{"policy/deny.rego": "package main\n", "policy/data.json": "{}"}},
		"an OPA bundle":                               {"generic", map[string]string{".manifest": "{}", "a/policy.rego": "package a\n", "a/data.json": "{}"}},
		"Falco rules":                                 {"generic", map[string]string{"rules.yaml": "- rule: a\n  desc: b\n  condition: c\n  output: d\n  priority: NOTICE\n"}},
		"a YAML configuration":                        {"generic", map[string]string{"agent.yaml": "agents:\n  root: {model: a, instruction: b}\n"}},
		"an Ansible playbook":                         {"generic", map[string]string{"site.yml": "- hosts: all\n  tasks: []\n", "roles/a/tasks/main.yml": "[]\n"}},
		"a Krew plugin":                               {"flux", map[string]string{"plugin.yaml": "apiVersion: krew.googlecontainertools.github.com/v1alpha2\nkind: Plugin\nmetadata: {name: a}\n"}},
		"a Helm 3 plugin":                             {"generic", map[string]string{"plugin.yaml": "name: a\nversion: 1.0.0\ncommand: $HELM_PLUGIN_DIR/a.sh\n", "a.sh": ""}},
		"a Helm 4 plugin":                             {"helm-plugin", map[string]string{"plugin.yaml": "apiVersion: v1\ntype: getter/v1\nname: a\nversion: 1.0.0\nruntime: subprocess\n", "a.sh": "", "README.md": "# A\n"}},
		"a chart with Artifact Hub metadata":          {"helm", map[string]string{"Chart.yaml": "name: a\nversion: 1.0.0\n", "artifacthub-repo.yml": "owners: []\n", "README.md": "# A\n", "templates/a.yaml": deployment}},
		"a skill":                                     {"skill", map[string]string{"SKILL.md": "---\nname: a-b\ndescription: c\n---\n# A\n", "references/a.md": "# A\n", "scripts/a.py": ""}},
		"notes named SKILL.md":                        {"generic", map[string]string{"SKILL.md": "# What I can do\n"}},
		"a CUE module":                                {"cue", map[string]string{"cue.mod/module.cue": "module: \"example.com/a@v0\"\nlanguage: version: \"v0.9.0\"\n", "a.cue": "package a\n", "README.md": "# A\n"}},
		"an Apptainer image":                          {"sif", map[string]string{"a.sif": string(kindtest.GreetingSIF())}},
		"an Apptainer definition file":                {"generic", map[string]string{"Singularity.def": "Bootstrap: docker\nFrom: busybox\n"}},
		"an OpenTofu provider for two platforms":      {"opentofu-provider", map[string]string{"terraform-provider-a_1.0.0_linux_amd64.zip": string(kindtest.GreetingProvider("linux/amd64")), "terraform-provider-a_1.0.0_darwin_arm64.zip": string(kindtest.GreetingProvider("darwin/arm64"))}},
		"programs for two platforms":                  {"generic", map[string]string{"tool_linux_amd64": "\x7fELF", "tool_darwin_arm64": "x", "SHA256SUMS": "x"}},
		"Markdown pages":                              {"docs", map[string]string{"index.md": "# A\n", "guide/start.md": "# B\n"}},
		"a compose application":                       {"compose", map[string]string{"compose.yaml": "services:\n  web:\n    image: nginx\n"}},
		"a dev container Feature":                     {"feature", map[string]string{"devcontainer-feature.json": `{"id":"a","version":"1.0.0","name":"A"}`, "install.sh": ""}},
		"chart templates":                             {"generic", map[string]string{"_helpers.tpl": "", "NOTES.txt": "", "a.yaml": "apiVersion: v1\nkind: Service\nmetadata:\n  labels:\n\n    app: a\n  name: {{ include \"a\" . }}\n", "b.yaml": deployment}},
		"a template in a condition":                   {"generic", map[string]string{"a.yaml": "{{- if .Values.a }}\r\napiVersion: v1\r\nkind: Service\r\nmetadata:\r\n  name: a\r\n{{- end }}\r\n"}},
		"a manifest with template actions in strings": {"flux", map[string]string{"rules.yaml": "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: a\nspec:\n  summary: '{{ $labels.pod }}'\n  text: |\n    {{ define }}\n    at: {{ .b }}\n"}},
		"scripts and a manifest":                      {"generic", map[string]string{"metallb.yaml": deployment, "up.sh": "", "down.sh": "", "README.md": "# A\n"}},
		"a manifest and a test script":                {"flux", map[string]string{"run.yaml": deployment, "hook.sh": "", "README.md": "# A\n", "LICENSE": "", "OWNERS": "", "dashboard.json": "{}"}},
		"a hidden manifest beside code":               {"generic", map[string]string{".krew.yaml": deployment, ".github/dependabot.yml": "version: 2\n", "main.go": "package main\n", "README.md": "# A\n"}},
		"a manifest beside a hidden file":             {"flux", map[string]string{".pre-commit-config.yaml": "repos: []\n", "a.yaml": deployment}},
		"a manifest in a subdirectory":                {"generic", map[string]string{"README.md": "# A\n", "apps/a.yaml": deployment, "Makefile": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec, _, err := artifact.Detect(kindtest.Tree(t, tc.files).FS(), []string{"."}, "")
			if err != nil {
				t.Fatal(err)
			}
			if got := spec.Kind; got != tc.kind {
				t.Errorf("got kind %q, want %q", got, tc.kind)
			}
		})
	}
}

// TestDetectTakesDirectories checks that all files in a model's subdirectory are packed, or that the error names the file that
// can't be packed.
func TestDetectTakesDirectories(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range 2100 {
		many[fmt.Sprintf("voices/%04d.json", i)] = "x"
	}
	for name, tc := range map[string]struct {
		files map[string]string
		want  string // a part of the error, or the number of layers
	}{
		"many files":                  {many, "2101"},
		"a broken link beside a file": {map[string]string{"sub/a.txt": "x", "sub/gone": "->nothing"}, `"sub/gone" is a broken link`},
		"only a broken link":          {map[string]string{"sub/gone": "->nothing"}, `"sub/gone" is a broken link`},
		"a link out of the directory": {map[string]string{"sub/a.txt": "x", "sub/deep/out": "->../../../x"}, `"sub/deep/out" leaves the directory`},
		"a link to a file":            {map[string]string{"sub/a.txt": "x", "sub/b.txt": "->a.txt"}, "3"},
		"a git-annex link":            {map[string]string{"sub/z.bin": "->../.git/annex/objects/X/K/K"}, `git annex get "sub/z.bin"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.files["m.gguf"] = string(formattest.TinyLlama().Bytes())
			fsys := kindtest.Tree(t, tc.files).FS()
			declared, _, err := artifact.Detect(fsys, []string{"."}, "")
			if err != nil || declared.Kind != "model" {
				t.Fatalf("got %+v, %v, want kind model", declared, err)
			}
			plan, err := artifact.Compose(fsys, declared)
			if err != nil {
				if !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got %v, want %s", err, tc.want)
				}
			} else if got := fmt.Sprint(len(plan.Layers)); got != tc.want {
				t.Errorf("got %s layers, want %s", got, tc.want)
			}
		})
	}
}
