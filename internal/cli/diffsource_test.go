package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
)

// compareSource runs davit diff, and returns the paths of the files that differ.
func compareSource(t *testing.T, a, b string) (exit.Code, []string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := exit.Code(Run(t.Context(), []string{"diff", a, b, "--format", "json"}, strings.NewReader(""), &stdout, &stderr))
	var result struct {
		Same  bool
		Files []struct{ Path string }
	}
	if err := json.Unmarshal(stdout.Bytes(), &result); err != nil {
		t.Fatalf("davit diff %s %s: exit code %d, %v\n%s%s", a, b, code, err, &stdout, &stderr)
	}
	var paths []string
	for _, f := range result.Files {
		paths = append(paths, f.Path)
	}
	if same := code == exit.Done; same != result.Same {
		t.Errorf("davit diff %s %s: got exit code %d and same: %t, which contradict each other", a, b, code, result.Same)
	}
	return code, paths
}

// changed has, for each example, a file to change and the name that then differs. Examples without a file are only compared unchanged:
// a changed file would no longer be in its format.
var changed = map[string][]string{
	"agent": {"greeting.yaml", "agent.yaml"}, "artifacthub": {"artifacthub-repo.yml", "artifacthub-repo.yml"}, "attestation": nil,
	"binary": {"greeting-linux-arm64", "greeting-linux-arm64"}, "bottle": nil,
	"collection": nil, // the artifact is only the list of Features
	"compose":    {"web.env", "424d5eac33d870ff8238ced7b1d3b845d1d9ad56749b834c2154139b37c66bd8.env"},
	"conftest":   {"policy/greeting.rego", "policy/greeting.rego"}, "cue": {"greeting/greeting.cue", "module.zip"},
	"docs": {"manual/index.md", "manual/index.md"}, "falco-asset": {"greetings.txt", "greetings.txt"}, "falco-plugin": nil,
	"falco-rules": {"greeting_rules.yaml", "greeting_rules.yaml"}, "feature": {"greeting/install.sh", "install.sh"},
	"flux": {"manifests/configmap.yaml", "configmap.yaml"}, "generic": {"settings/greeting.yaml", "settings/greeting.yaml"},
	"helm": {"greeting/values.yaml", "greeting/values.yaml"}, "helm-plugin": {"greeting/greeting.sh", "greeting/greeting.sh"},
	"image": {"rootfs/etc/greeting.conf", "etc/greeting.conf"}, "kind": {"greeting.rego", "greeting.rego"},
	"manifests": {"manifests/configmap.yaml", "configmap.yaml"}, "model": {"LICENSE", "LICENSE"}, "modelcar": {"model/README.md", "README.md"},
	"modelkit": {"README.md", "README.md"}, "modelpack": {"model/README.md", "model/README.md"}, "ollama": nil,
	"opa": {"policy/greeting/greeting.rego", "greeting/greeting.rego"}, "opentofu-module": {"greeting/main.tf", "greeting.zip"},
	"opentofu-provider": nil, "platforms": {"arm64/greeting.txt", "greeting.txt"}, "report": nil,
	"runbook": {"greeting-down.md", "greeting-down.md"},
	"sbom":    nil, "sif": nil, "skill": {"greeting/SKILL.md", "greeting/SKILL.md"}, "skills": {"farewell/phrases.md", "farewell/phrases.md"},
	"tekton-bundle": {"greeting.yaml", "greetings"}, "template": {"greeting-app/README.md", "README.md"}, "vex": nil,
	"volume": {"_data/logs/today.log", "logs/today.log"}, "wasm": nil,
}

// TestDiffSources pushes each example, with and without its declaration, and compares the artifact with its source: unchanged, and with
// one changed file.
func TestDiffSources(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", home)
	t.Setenv("XDG_STATE_HOME", home)
	declared, err := filepath.Glob("../../examples/*/davit.yaml")
	if err != nil || len(declared) == 0 {
		t.Fatal(declared, err)
	}
	for _, file := range declared {
		name := filepath.Base(filepath.Dir(file))
		change, ok := changed[name]
		switch {
		case name == "layered": // its base is in a registry
			continue
		case !ok:
			t.Errorf("example %s is not in changed", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "src")
			if err := os.CopyFS(dir, os.DirFS(filepath.Dir(file))); err != nil {
				t.Fatal(err)
			}
			testDiffSource(t, dir, change)
			if err := os.Remove(filepath.Join(dir, "davit.yaml")); err != nil {
				t.Fatal(err)
			}
			for { // descend to the directory of the chart, Feature, or module
				entries, err := os.ReadDir(dir)
				if err != nil {
					t.Fatal(err)
				}
				if len(entries) != 1 || !entries[0].IsDir() {
					break
				}
				dir = filepath.Join(dir, entries[0].Name())
				if change != nil {
					_, inside, _ := strings.Cut(change[0], "/")
					change = []string{inside, ""}
				}
			}
			testDiffSource(t, dir, change)
		})
	}
}

// testDiffSource pushes and compares a directory. Without a declaration, it may be of another kind, with other names: then only the number
// of differences is tested.
func testDiffSource(t *testing.T, dir string, change []string) {
	t.Helper()
	_, err := os.Stat(filepath.Join(dir, "davit.yaml"))
	declared := err == nil
	target := registrytest.Start(t, registrytest.Options{}).Host + "/greeting"
	dir = filepath.ToSlash(dir)
	davit(t, "push", dir, target+":1", "--force", "-q")
	if code, files := compareSource(t, target+":1", dir); code != exit.Done {
		t.Errorf("unchanged: got exit code %d and the differences %v, want %d and none", code, files, exit.Done)
	}
	if change == nil {
		return
	}
	name := filepath.Join(dir, filepath.FromSlash(change[0]))
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(slices.Clip(data), "# changed\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	defer os.WriteFile(name, data, 0o644)
	if code, files := compareSource(t, dir, target+":1"); code != exit.No || len(files) != 1 || declared && files[0] != change[1] {
		t.Errorf("%s changed: got exit code %d and the differences %v, want %d and one", change[0], code, files, exit.No)
	}
}
