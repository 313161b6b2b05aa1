//go:build clients

package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestModelRunnerReadsSets loads shards, a projector, and a template with dmr. It checks that dmr renames files of layers without paths
// to fixed names, and keeps other paths.
func TestModelRunnerReadsSets(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind  string
		but   string            // the file that the model does not have
		names map[string]string // files that dmr renames, or leaves out if the name is ""
	}{
		"fixed names": {kind: "model", but: "README.md", names: map[string]string{
			"tiny-Q4_K_M-00001-of-00003.gguf": "model-00001-of-00003.gguf", "tiny-Q4_K_M-00002-of-00003.gguf": "model-00002-of-00003.gguf",
			"tiny-Q4_K_M-00003-of-00003.gguf": "model-00003-of-00003.gguf", "mmproj-F16.gguf": "model.mmproj",
			"chat_template.jinja": "template.jinja", "LICENSE": "",
		}},
		"paths":     {kind: "model"},
		"modelpack": {kind: "modelpack"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dmr := clients.ModelRunner(t)
			dir, all := writeModelSet(t, tt.but)
			ref := repo(t, "tiny") + ":v1"
			result := push(t, dir, "kind: "+tt.kind+"\nlayers: [./]\n", ref)
			dmr.Run("pull", ref)
			m := inspectModel(t, dmr, ref)
			if m.ID != result.Digest.String() {
				t.Errorf("dmr: got the ID %s, want %s", m.ID, result.Digest)
			}
			want := map[string]string{}
			for file, data := range all {
				switch renamed, ok := tt.names[file]; {
				case !ok:
					want[file] = data
				case renamed != "":
					want[renamed] = data
				}
			}
			wantFiles(t, unpackModel(t, dmr, ref, m), want)
		})
	}
}

// TestModctlReadsSets extracts shards, a projector, and a template with modctl.
func TestModctlReadsSets(t *testing.T) {
	t.Parallel()
	modctl := clients.New(t, "modctl")
	dir, all := writeModelSet(t)
	ref := repo(t, "tiny") + ":v1"
	push(t, dir, "kind: modelpack\nlayers: [./]\n", ref)
	out := t.TempDir()
	modctl.Run("pull", ref, "--plain-http", "--extract-dir", out, "--extract-from-remote", "--storage-dir", filepath.Join(modctl.Home, "s"), "--no-progress")
	wantFiles(t, readFiles(t, out), all)
}

// TestModelPackMatchesModelRunner compares the manifests that davit and dmr write for the same directory in the ModelPack format.
func TestModelPackMatchesModelRunner(t *testing.T) {
	t.Parallel()
	dmr := clients.ModelRunner(t)
	ref := repo(t, "tiny") + ":v1"
	dir := t.TempDir()
	for name, data := range without(readFiles(t, filepath.Join(example("modelpack"), "model")), "Modelfile") {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dmr.Run("package", "--safetensors-dir", dir, "--format", "cncf", "--push", ref)
	push(t, dir, "kind: modelpack\nlayers: [./]\n", ref+"-ours")
	theirs, _ := manifestOf(t, ref)
	ours, _ := manifestOf(t, ref+"-ours")
	if ours.ArtifactType != theirs.ArtifactType || ours.Config.MediaType != theirs.Config.MediaType {
		t.Errorf("got the types %s and %s, want those of dmr, %s and %s", ours.ArtifactType, ours.Config.MediaType, theirs.ArtifactType, theirs.Config.MediaType)
	}
	// dmr packs the model card as a config. davit packs it as a document, which Harbor shows.
	want := strings.Replace(formatLayers(theirs), "README.md application/vnd.cncf.model.weight.config.", "README.md application/vnd.cncf.model.doc.", 1)
	if got := formatLayers(ours); got != want {
		t.Errorf("got the layers %s\nwant those of dmr, %s", got, want)
	}
	mine, its := packFields(t, blobOf(t, ref+"-ours", ours.Config)), packFields(t, blobOf(t, ref, theirs.Config))
	for key, want := range its {
		if got := mine[key]; want != "" && got != want {
			t.Errorf("%s: got %v, want that of dmr, %v", key, got, want)
		}
	}
}

// formatLayers returns the paths and media types of layers as text.
func formatLayers(m ocispec.Manifest) string {
	var lines []string
	for _, l := range m.Layers {
		lines = append(lines, l.Annotations[mediatypes.ModelPath]+" "+l.MediaType)
	}
	return strings.Join(lines, ", ")
}

// packFields returns the fields under config of a ModelPack config.
func packFields(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var config struct{ Config map[string]any }
	if err := json.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	return config.Config
}
