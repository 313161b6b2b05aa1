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

// decoded decodes any JSON.
func decoded(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestModctlReadsDavit pulls and extracts with modctl what davit packed, raw and as tar.
func TestModctlReadsDavit(t *testing.T) {
	t.Parallel()
	want := without(files(t, filepath.Join(example("modelpack"), "model")), "Modelfile")
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
				sameFiles(t, files(t, out), want)
			}
		})
	}
}

// TestDavitReadsModctl pulls what modctl built, whose types are those before the format's adoption.
func TestDavitReadsModctl(t *testing.T) {
	t.Parallel()
	modctl := clients.New(t, "modctl")
	want := without(files(t, filepath.Join(example("modelpack"), "model")), "Modelfile")
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
	dir, _ := pulled(t, ref, pull.Options{NoSync: true})
	sameFiles(t, files(t, dir), want)
}

// TestModelRunnerReadsModelPack checks that Docker Model Runner reads ModelPack.
func TestModelRunnerReadsModelPack(t *testing.T) {
	t.Parallel()
	dmr := clients.ModelRunner(t)
	ref := repo(t, "tiny") + ":v1"
	result := push(t, example("model"), "kind: modelpack\nlayers: [tiny-llama.gguf, LICENSE]\n", ref)
	dmr.Run("pull", ref)
	m := inspectModel(t, dmr, ref)
	if m.ID != result.Digest.String() {
		t.Errorf("dmr has %+v", m)
	}
	all := files(t, example("model"))
	sameFiles(t, unpackedModel(t, dmr, ref, m), map[string]string{"tiny-llama.gguf": all["tiny-llama.gguf"], "LICENSE": all["LICENSE"]})
}
