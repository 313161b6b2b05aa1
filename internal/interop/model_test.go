//go:build clients

package interop

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull"
)

// dmrModel is a model as Docker Model Runner describes it.
type dmrModel struct {
	ID     string         `json:"id"`
	Tags   []string       `json:"tags"`
	Config map[string]any `json:"config"`
}

func inspectModel(t *testing.T, dmr *clients.Client, ref string) dmrModel {
	t.Helper()
	_, out := dmr.Run("inspect", ref) // dmr prints to stderr
	var m dmrModel
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return m
}

// TestModelRunnerReadsDavit packs a GGUF model with davit, and pulls and unpacks it with Docker Model Runner (dmr).
func TestModelRunnerReadsDavit(t *testing.T) {
	t.Parallel()
	dmr := clients.ModelRunner(t)
	ref := repo(t, "tiny-llama") + ":v1"
	result := push(t, example("model"), "", ref)
	dmr.Run("pull", ref)
	m := inspectModel(t, dmr, ref)
	if m.ID != result.Digest.String() {
		t.Errorf("dmr: got the ID %s, want %s", m.ID, result.Digest)
	}
	for key, want := range map[string]any{"format": "gguf", "architecture": "llama", "quantization": "Q4_K_M", "parameters": "1.28K", "size": "1.56KiB"} {
		if m.Config[key] != want {
			t.Errorf("dmr: got %s %v, want %v", key, m.Config[key], want)
		}
	}
	all := readFiles(t, example("model"))
	wantFiles(t, unpackModel(t, dmr, ref, m), map[string]string{"model.gguf": all["tiny-llama.gguf"], "template.jinja": all["chat_template.jinja"]})
}

// unpackModel runs a model with dmr, and returns the files that dmr unpacks. The run itself must fail, because the model has no weights.
func unpackModel(t *testing.T, dmr *clients.Client, ref string, m dmrModel) map[string]string {
	t.Helper()
	_, stderr, err := dmr.Try("run", ref, "hello")
	if err == nil {
		t.Error("dmr ran a model without weights")
	}
	dir := filepath.Join(dmr.Home, "models", "bundles", "sha256", strings.TrimPrefix(m.ID, "sha256:"), "model")
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("dmr did not unpack the model: %v\n%s", err, stderr)
	}
	return readFiles(t, dir)
}

// TestModelRunnerReadsDavitDirectory packs directories with davit, so that layers have paths, and pulls them with dmr.
func TestModelRunnerReadsDavitDirectory(t *testing.T) {
	t.Parallel()
	dmr := clients.ModelRunner(t)
	ref := repo(t, "tiny") + ":v1"
	dir := filepath.Join(example("modelpack"), "model")
	result := push(t, dir, "kind: model\nlayers: [model.safetensors, config.json, README.md]\n", ref)
	if result.Config.MediaType != mediatypes.ModelDirConfig {
		t.Errorf("got the config type %s, want %s", result.Config.MediaType, mediatypes.ModelDirConfig)
	}
	dmr.Run("pull", ref)
	m := inspectModel(t, dmr, ref)
	if m.ID != result.Digest.String() || m.Config["format"] != "safetensors" || m.Config["quantization"] != "F16" {
		t.Errorf("dmr: got %+v, want the ID %s, safetensors, and F16", m, result.Digest)
	}

	// dmr unpacks safetensors only for vLLM, which is not installed. It unpacks a GGUF with a directory beside it in the same way.
	dir = t.TempDir()
	for name, data := range map[string]string{"m.gguf": readFiles(t, example("model"))["tiny-llama.gguf"], "extra/notes.json": "{}"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ref += "-gguf"
	push(t, dir, "kind: model\nlayers: [m.gguf, extra/]\n", ref)
	dmr.Run("pull", ref)
	wantFiles(t, unpackModel(t, dmr, ref, inspectModel(t, dmr, ref)), readFiles(t, dir))
}

// TestDavitReadsModelRunner packages the example with dmr, pulls it with davit, and compares the configs.
func TestDavitReadsModelRunner(t *testing.T) {
	t.Parallel()
	dmr := clients.ModelRunner(t)
	ref := repo(t, "tiny-llama") + ":v1"
	dir, err := filepath.Abs(example("model"))
	if err != nil {
		t.Fatal(err)
	}
	dmr.Run("package", "--gguf", filepath.Join(dir, "tiny-llama.gguf"), "--license", filepath.Join(dir, "LICENSE"),
		"--chat-template", filepath.Join(dir, "chat_template.jinja"), "--push", ref)
	wantKind(t, ref, "model")
	got, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	wantFiles(t, readFiles(t, got), without(readFiles(t, dir), "davit.yaml"))

	theirs, _ := manifestOf(t, ref)
	ours := push(t, dir, "", repo(t, "tiny-llama")+":ours")
	wantSameConfig(t, modelFields(t, blobOf(t, ref, *ours.Config)), modelFields(t, blobOf(t, ref, theirs.Config)))
}

// TestDavitReadsModelRunnerDirectory packages a directory of safetensors with dmr, pulls it with davit, and compares the configs.
func TestDavitReadsModelRunnerDirectory(t *testing.T) {
	t.Parallel()
	dmr := clients.ModelRunner(t)
	ref := repo(t, "tiny") + ":v1"
	source := without(readFiles(t, filepath.Join(example("modelpack"), "model")), "Modelfile")
	dir := t.TempDir()
	for name, data := range source {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dmr.Run("package", "--safetensors-dir", dir, "--push", ref)
	wantKind(t, ref, "model")
	got, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	wantFiles(t, readFiles(t, got), source)

	theirs, _ := manifestOf(t, ref)
	ours := push(t, dir, "kind: model\nlayers: [./]\n", ref+"-ours")
	if ours.Config.MediaType != theirs.Config.MediaType {
		t.Errorf("got the config type %s, want that of dmr, %s", ours.Config.MediaType, theirs.Config.MediaType)
	}
	mine := modelFields(t, blobOf(t, ref, *ours.Config))
	delete(mine, "architecture") // dmr does not read it from config.json
	wantSameConfig(t, mine, modelFields(t, blobOf(t, ref, theirs.Config)))
}

// TestModelRunnerReadsShards packs two shards, declared in the wrong order, and checks that dmr reads them in the right one.
func TestModelRunnerReadsShards(t *testing.T) {
	t.Parallel()
	dmr := clients.ModelRunner(t)
	ref := repo(t, "shards") + ":v1"
	first := readFiles(t, example("model"))["tiny-llama.gguf"]
	second := strings.Replace(first, "Tiny Llama", "Tiny Alpac", 1)
	dir := t.TempDir()
	for name, data := range map[string]string{"m-00001-of-00002.gguf": first, "m-00002-of-00002.gguf": second} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	push(t, dir, "kind: model\nlayers: [m-00002-of-00002.gguf, m-00001-of-00002.gguf]\n", ref)
	dmr.Run("pull", ref)
	m := inspectModel(t, dmr, ref)
	if m.Config["parameters"] != "2.56K" {
		t.Errorf("got %v parameters in both shards, want 2.56K", m.Config["parameters"])
	}
	wantFiles(t, unpackModel(t, dmr, ref, m), map[string]string{"model-00001-of-00002.gguf": first, "model-00002-of-00002.gguf": second})
}

// modelFields returns the fields under config of a model's config.
func modelFields(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var config struct{ Config map[string]any }
	if err := json.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	return config.Config
}

// wantSameConfig compares configs, except for the prefix that dmr adds to the quantization.
func wantSameConfig(t *testing.T, ours, theirs map[string]any) {
	t.Helper()
	if q, ok := theirs["quantization"].(string); ok {
		theirs["quantization"] = strings.TrimPrefix(q, "MOSTLY_")
	}
	if !maps.EqualFunc(ours, theirs, sameJSON) {
		t.Errorf("got the config %v\nwant that of the client, %v", ours, theirs)
	}
}

func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
