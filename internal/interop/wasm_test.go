//go:build clients

package interop

import (
	"encoding/json"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestWasmMeetsWkgRules applies the checks of wkg's loader to a manifest, because wkg itself can't install from a test registry.
func TestWasmMeetsWkgRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "greeting") + ":1.0.0"
	push(t, example("wasm"), "", ref)
	m, _ := manifestOf(t, ref)
	if m.MediaType != mediatypes.OCIManifest || m.ArtifactType != "" || m.Config.MediaType != mediatypes.WasmConfig ||
		len(m.Layers) != 1 || m.Layers[0].MediaType != mediatypes.WasmLayer {
		t.Errorf("got the manifest %+v", m)
	}
	var config struct {
		Created, Architecture, OS *string
		LayerDigests              []string
	}
	if err := json.Unmarshal(blobOf(t, ref, m.Config), &config); err != nil {
		t.Fatal(err)
	}
	if config.Created == nil || config.Architecture == nil || *config.Architecture != "wasm" || config.OS == nil || *config.OS != "wasip1" ||
		len(config.LayerDigests) != 1 || config.LayerDigests[0] != m.Layers[0].Digest.String() {
		t.Errorf("got the config %s", blobOf(t, ref, m.Config))
	}
}

// TestDavitReadsWasmToOCI pulls a module that wasm-to-oci pushed, in the older format.
func TestDavitReadsWasmToOCI(t *testing.T) {
	t.Parallel()
	tool := clients.New(t, "wasm-to-oci")
	ref := repo(t, "greeting") + ":v1"
	module := readFiles(t, example("wasm"))["greeting.wasm"]
	tool.Dir = example("wasm")
	tool.Run("push", "--use-http", "greeting.wasm", ref)
	wantKind(t, ref, "wasm")
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	wantFiles(t, readFiles(t, dir), map[string]string{"greeting.wasm": module})
}

// TestWazeroRunsPulledModule runs a module that davit pushed and pulled, as an artifact and in an image for container runtimes.
func TestWazeroRunsPulledModule(t *testing.T) {
	t.Parallel()
	for name, declaration := range map[string]string{"artifact": "", "image": "kind: image\nlayers: [greeting.wasm]\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wazero := clients.New(t, "wazero")
			ref := repo(t, "greeting") + ":v1"
			push(t, example("wasm"), declaration, ref)
			dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true, Selection: pull.Selection{Platform: &ocispec.Platform{OS: "wasip1", Architecture: "wasm"}}})
			wazero.Dir = dir
			if out, _ := wazero.Run("run", "greeting.wasm"); out != "hello\n" {
				t.Errorf("got the output %q, want hello", out)
			}
		})
	}
}
