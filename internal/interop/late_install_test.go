//go:build late

package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// falcoKinds lists the Falco kinds, with their types in falcoctl and the arguments for their examples.
var falcoKinds = []struct {
	kind, falcoctlType, file string
	flags                    []string
}{
	{"falco-rules", "rulesfile", "greeting_rules", []string{"--name", "greeting_rules", "--requires", "engine_version_semver:0.31.0"}},
	{"falco-plugin", "plugin", "libgreeting", []string{"--name", "libgreeting", "--platform", "linux/amd64"}},
	{"falco-asset", "asset", "greetings", []string{"--name", "greetings"}},
}

// newFalcoctl returns falcoctl with a configuration without indexes, which falcoctl would fetch from the internet.
func newFalcoctl(t *testing.T) *clients.Client {
	t.Helper()
	c := clients.New(t, "falcoctl")
	writeFile(t, c.Home, "falcoctl.yaml", "indexes: []\n")
	return c
}

// TestLateFalcoctlReadsDavit installs rules, a plugin, and an asset with falcoctl, by the tag of their major version.
func TestLateFalcoctlReadsDavit(t *testing.T) {
	t.Parallel()
	for _, f := range falcoKinds {
		t.Run(f.kind, func(t *testing.T) {
			t.Parallel()
			c := newFalcoctl(t)
			ref := repo(t, "falco")
			plan, fsys := compose(t, example(f.kind), "")
			pushPlan(t, plan, fsys, ref+":1", pack.Options{})
			if err := os.Mkdir(filepath.Join(c.Home, "installed"), 0o755); err != nil {
				t.Fatal(err)
			}
			c.Run("--config", "falcoctl.yaml", "artifact", "install", "--no-verify", "--plain-http", "--platform", "linux/amd64",
				"--rulesfiles-dir", "installed", "--plugins-dir", "installed", "--assets-dir", "installed", "--state-dir", "state", ref+":1")
			wantFiles(t, readFiles(t, filepath.Join(c.Home, "installed")), without(readFiles(t, example(f.kind)), "davit.yaml"))
		})
	}
}

// TestLateDavitReadsFalcoctl pulls artifacts that falcoctl pushed from the archives of the examples.
func TestLateDavitReadsFalcoctl(t *testing.T) {
	t.Parallel()
	for _, f := range falcoKinds {
		t.Run(f.kind, func(t *testing.T) {
			t.Parallel()
			c := newFalcoctl(t)
			writeFile(t, c.Home, f.file+".tar.gz", layerOf(t, f.kind))
			ref := repo(t, "falco") + ":1.0.0"
			args := []string{"--config", "falcoctl.yaml", "registry", "push", "--plain-http", "--version", "1.0.0", "--type", f.falcoctlType, ref, f.file + ".tar.gz"}
			c.Run(append(args, f.flags...)...)
			wantRecorded(t, f.kind, ref)
			dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true, Selection: pull.Selection{Platform: &ocispec.Platform{OS: "linux", Architecture: "amd64"}}})
			wantFiles(t, readFiles(t, dir), without(readFiles(t, example(f.kind)), "davit.yaml"))
		})
	}
}

// layerOf returns the first layer of an example, as davit packs it. For an index, it is a layer of the first manifest.
func layerOf(t *testing.T, kind string) string {
	t.Helper()
	ref := repo(t, "own") + ":1.0.0"
	result := push(t, example(kind), "", ref)
	desc := result.Descriptor()
	if len(result.Manifests) > 0 {
		desc = result.Manifests[0]
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(blobOf(t, ref, desc), &m); err != nil {
		t.Fatal(err)
	}
	return string(blobOf(t, ref, m.Layers[0]))
}

// TestLateTofuReadsDavit installs a module and a provider with tofu, which requires TLS.
func TestLateTofuReadsDavit(t *testing.T) {
	t.Parallel()
	tofu := clients.New(t, "tofu")
	tls := clients.Distribution(t, clients.Options{TLS: true})
	platform := runtime.GOOS + "_" + runtime.GOARCH
	dir, name := t.TempDir(), "terraform-provider-greeting_1.2.3_"+platform+".zip"
	writeFile(t, dir, name, string(kindtest.GreetingProvider(runtime.GOOS+"/"+runtime.GOARCH)))

	module, provider := repo(t, "module")+":1.0.0", repo(t, "provider")+":1.2.3"
	push(t, example("opentofu-module"), "", module)
	push(t, dir, "kind: opentofu-provider\nlayers: [\"*.zip\"]\n", provider)
	copyToServer(t, module, tls, "modules/greeting")
	copyToServer(t, provider, tls, "providers/example/greeting")

	writeFile(t, tofu.Home, "main.tf", `terraform {
  required_providers {
    greeting = { source = "example/greeting", version = "1.2.3" }
  }
}

module "greeting" {
  source = "oci://`+tls.Host+`/modules/greeting?tag=1.0.0"
  name   = "Ann"
}
`)
	writeFile(t, tofu.Home, "tofu.rc", `provider_installation {
  oci_mirror {
    repository_template = "`+tls.Host+`/providers/${namespace}/${type}"
    include             = ["registry.opentofu.org/*/*"]
  }
}
`)
	tofu.Env = []string{"SSL_CERT_FILE=" + tls.CAFile, "TF_CLI_CONFIG_FILE=" + filepath.Join(tofu.Home, "tofu.rc"), "TF_INPUT=0"}
	tofu.Run("init")
	wantFiles(t, readFiles(t, filepath.Join(tofu.Home, ".terraform/modules/greeting")), readFiles(t, filepath.Join(example("opentofu-module"), "greeting")))
	installed := readFiles(t, filepath.Join(tofu.Home, ".terraform/providers/registry.opentofu.org/example/greeting/1.2.3", platform))
	wantFiles(t, installed, map[string]string{"terraform-provider-greeting_v1.2.3": "a program for " + runtime.GOOS + "/" + runtime.GOARCH + "\n"})
}

// copyToServer copies an artifact to a registry with TLS.
func copyToServer(t *testing.T, ref string, to *clients.Server, repository string) {
	t.Helper()
	src, from := open(t, ref, registry.Read)
	options := registry.Options{}
	options.Security.CAFile = to.CAFile
	dst, err := registry.New(options).Open(t.Context(), registry.Reference{Registry: to.Host, Repository: repository}, registry.Write)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Copy(t.Context(), src, dst, registry.CopyOptions{Reference: from.Tag, Tags: []string{from.Tag}}); err != nil {
		t.Fatal(err)
	}
}

// TestLateDavitReadsTofuModule pulls a module that oras pushed as OpenTofu's documentation describes, because tofu can't push.
func TestLateDavitReadsTofuModule(t *testing.T) {
	t.Parallel()
	oras := clients.New(t, "oras")
	archive := layerOf(t, "opentofu-module")
	writeFile(t, oras.Home, "greeting.zip", archive)
	ref := repo(t, "module") + ":1.0.0"
	oras.Run("push", "--plain-http", "--artifact-type=application/vnd.opentofu.modulepkg", ref, "greeting.zip:archive/zip")
	wantRecorded(t, "opentofu-module", ref)
	wantKind(t, ref, "opentofu-module")
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	wantFiles(t, readFiles(t, dir), map[string]string{"greeting.zip": archive})
}

// TestLateTknReadsDavit lists the objects of a bundle that davit pushed with tkn.
func TestLateTknReadsDavit(t *testing.T) {
	t.Parallel()
	tkn := clients.New(t, "tkn")
	ref := repo(t, "tasks") + ":1.0.0"
	push(t, example("tekton-bundle"), "", ref)
	out, _ := tkn.Run("bundle", "list", ref)
	if !strings.Contains(out, "task.tekton.dev/greeting\n") || !strings.Contains(out, "pipeline.tekton.dev/greetings\n") {
		t.Errorf("tkn bundle list: got %s, want the task greeting and the pipeline greetings", out)
	}
}

// TestLateDavitReadsTkn pulls the objects that tkn pushed.
func TestLateDavitReadsTkn(t *testing.T) {
	t.Parallel()
	tkn := clients.New(t, "tkn")
	tkn.Dir = copyExample(t, "tekton-bundle", "")
	ref := repo(t, "tasks") + ":1.0.0"
	tkn.Run("bundle", "push", ref, "--filenames", "greeting.yaml")
	wantRecorded(t, "tekton-bundle", ref)
	wantKind(t, ref, "tekton-bundle")
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	got := readFiles(t, dir)
	for name, kind := range map[string]string{"greeting": "Task", "greetings": "Pipeline"} {
		var object struct {
			Kind     string
			Metadata struct{ Name string }
		}
		if err := json.Unmarshal([]byte(got[name]), &object); err != nil || object.Kind != kind || object.Metadata.Name != name {
			t.Errorf("%s: got %q, %v, want a %s", name, got[name], err, kind)
		}
	}
}
