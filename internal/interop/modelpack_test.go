//go:build clients

package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/pull"
)

// decodeJSON decodes any JSON value.
func decodeJSON(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestModctlReadsDavit pushes models with raw and with tar layers, and pulls and extracts them with modctl.
func TestModctlReadsDavit(t *testing.T) {
	t.Parallel()
	want := without(readFiles(t, filepath.Join(example("modelpack"), "model")), "Modelfile")
	for name, declaration := range map[string]string{
		"raw": "",
		"tar": "kind: modelpack\nlayers:\n  - {path: model/config.json, packing: tar}\n  - {path: model/README.md, packing: tar}\n  - {path: model/model.safetensors, packing: tar}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			modctl := clients.New(t, "modctl")
			ref := repo(t, "tiny") + ":v1"
			push(t, example("modelpack"), declaration, ref)
			for _, remote := range []string{"--extract-from-remote=false", "--extract-from-remote"} {
				out := t.TempDir()
				modctl.Run("pull", ref, "--plain-http", "--extract-dir", out, remote, "--storage-dir", filepath.Join(modctl.Home, "s"), "--no-progress")
				wantFiles(t, readFiles(t, out), want)
			}
		})
	}
}

// TestDavitReadsModctl pulls a model that modctl built, with the earlier media types of the format.
func TestDavitReadsModctl(t *testing.T) {
	t.Parallel()
	modctl := clients.New(t, "modctl")
	want := without(readFiles(t, filepath.Join(example("modelpack"), "model")), "Modelfile")
	for name, data := range want {
		if err := os.WriteFile(filepath.Join(modctl.Home, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	modelfile := filepath.Join(t.TempDir(), "Modelfile")
	if err := os.WriteFile(modelfile, []byte("NAME tiny\nFAMILY llama\nMODEL *.safetensors\nCONFIG config.json\nDOC README.md\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ref := repo(t, "tiny") + ":v1"
	modctl.Run("build", "-t", ref, "-f", modelfile, ".", "--raw", "--output-remote", "--plain-http", "--storage-dir", filepath.Join(modctl.Home, ".modctl"), "--no-progress")
	wantKind(t, ref, "modelpack")
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	wantFiles(t, readFiles(t, dir), want)
}

// TestModelRunnerReadsModelPack pushes a model in the ModelPack format, and pulls and unpacks it with Docker Model Runner.
func TestModelRunnerReadsModelPack(t *testing.T) {
	t.Parallel()
	dmr := clients.ModelRunner(t)
	ref := repo(t, "tiny") + ":v1"
	result := push(t, example("model"), "kind: modelpack\nlayers: [tiny-llama.gguf, LICENSE]\n", ref)
	dmr.Run("pull", ref)
	m := inspectModel(t, dmr, ref)
	if m.ID != result.Digest.String() {
		t.Errorf("dmr: got %+v, want the ID %s", m, result.Digest)
	}
	all := readFiles(t, example("model"))
	wantFiles(t, unpackModel(t, dmr, ref, m), map[string]string{"tiny-llama.gguf": all["tiny-llama.gguf"], "LICENSE": all["LICENSE"]})
}
