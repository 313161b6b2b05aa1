package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// The tests in this file check requirements of clients and registries that do not run in the tests, each with its source.

// TestConfigsForECR checks that no kind annotates the descriptor of its config (falcosecurity/falcoctl#302) or has a config
// of 0 bytes (aws/containers-roadmap#1074): ECR refuses both.
func TestConfigsForECR(t *testing.T) {
	t.Parallel()
	checked := 0
	var check func(t *testing.T, target registry.Target, desc ocispec.Descriptor)
	check = func(t *testing.T, target registry.Target, desc ocispec.Descriptor) {
		t.Helper()
		data, err := content.FetchAll(t.Context(), target, desc)
		if err != nil {
			t.Fatal(err)
		}
		var m struct {
			Config    *ocispec.Descriptor
			Manifests []ocispec.Descriptor
		}
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		if m.Config != nil {
			checked++
			if m.Config.Size == 0 || m.Config.Annotations != nil {
				t.Errorf("got the config %+v", m.Config)
			}
		}
		for _, inner := range m.Manifests {
			check(t, target, inner)
		}
	}
	for _, k := range kinds.Data() {
		if k.ReadOnly {
			continue
		}
		ref := repo(t, k.Name) + ":1.0.0"
		result := push(t, example(k.Name), "", ref)
		target, _ := open(t, ref, registry.Read)
		check(t, target, result.Descriptor())
	}
	if checked < len(kinds.Data()) {
		t.Errorf("checked %d configs, want at least %d", checked, len(kinds.Data()))
	}
}

// TestModelPackForOtherClients checks what other clients expect of a model in the ModelPack format:
//   - Each layer has the path of its file (ramalama, ramalama/transports/oci/oci_artifact.py).
//   - A README is a document of that name, which Harbor shows (goharbor/harbor#21691).
//   - The media types are the defaults of Docker's packaging (docker/model-runner#791).
func TestModelPackForOtherClients(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range readFiles(t, filepath.Join(example("modelpack"), "model")) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("# Tiny\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ref := repo(t, "tiny") + ":v1"
	push(t, dir, "kind: modelpack\nlayers: [\"*\"]\n", ref)
	m, _ := manifestOf(t, ref)
	if m.ArtifactType != "application/vnd.cncf.model.manifest.v1+json" {
		t.Errorf("got the artifactType %s", m.ArtifactType)
	}
	var documents, weights []string
	for _, l := range m.Layers {
		name := l.Annotations["org.cncf.model.filepath"]
		if name == "" {
			t.Errorf("layer %+v names no file", l)
		}
		switch l.MediaType {
		case "application/vnd.cncf.model.doc.v1.raw":
			documents = append(documents, name)
		case "application/vnd.cncf.model.weight.v1.raw":
			weights = append(weights, name)
		}
	}
	if !slices.Contains(documents, "README.md") || !slices.Contains(weights, "model.safetensors") {
		t.Errorf("got the documents %q and weights %q, want README.md and model.safetensors", documents, weights)
	}
}

// TestWasmImageMeetsIstioRules checks what Istio's fetcher (pkg/wasm/imagefetcher.go) requires, which Envoy Gateway uses, too: the
// compat variant is an image with one layer, a compressed tar with plugin.wasm at its root. application/wasm is not accepted.
func TestWasmImageMeetsIstioRules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plugin.wasm"), []byte(readFiles(t, example("wasm"))["greeting.wasm"]), 0o644); err != nil {
		t.Fatal(err)
	}
	ref := repo(t, "plugin") + ":v1"
	push(t, dir, "kind: image\nlayers: [plugin.wasm]\n", ref)
	names, m := entriesOf(t, ref)
	if !slices.Equal(names, []string{"plugin.wasm"}) || m.Config.MediaType != mediatypes.ImageConfig || m.Annotations["module.wasm.image/variant"] != "compat" {
		t.Errorf("got the entries %q of %+v", names, m)
	}
}

// TestPolicyMeetsKwctlRules checks what Kubewarden's fetcher (crates/policy-fetcher of kubewarden-controller) requires: the empty config
// and the only layer have the types of oci-distribution, and the layer is the module.
func TestPolicyMeetsKwctlRules(t *testing.T) {
	t.Parallel()
	ref := repo(t, "policy") + ":v1"
	push(t, example("wasm"), "kind: wasm\nlayers: [{path: greeting.wasm, mediaType: application/vnd.wasm.content.layer.v1+wasm}]\n", ref)
	m, _ := manifestOf(t, ref)
	if m.MediaType != mediatypes.OCIManifest || m.Config.MediaType != "application/vnd.wasm.config.v1+json" || string(blobOf(t, ref, m.Config)) != "{}" ||
		len(m.Layers) != 1 || m.Layers[0].MediaType != "application/vnd.wasm.content.layer.v1+wasm" || !strings.HasPrefix(string(blobOf(t, ref, m.Layers[0])), "\x00asm") {
		t.Errorf("got the manifest %+v", m)
	}
	wantKind(t, ref, "wasm")
}

// TestFluxForArgo checks the media types of layers: Argo CD accepts the type of kind manifests by default (util/oci/client.go), and
// refuses the type of kind flux.
func TestFluxForArgo(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"manifests": mediatypes.LayerTarGzip, "flux": "application/vnd.cncf.flux.content.v1.tar+gzip"} {
		ref := repo(t, kind) + ":v1"
		push(t, example("flux"), "kind: "+kind+"\nlayers: ["+argoLayer(t)+"]\n", ref)
		m, _ := manifestOf(t, ref)
		if len(m.Layers) != 1 || m.Layers[0].MediaType != want {
			t.Errorf("%s: got the layers %+v, want one of type %s", kind, m.Layers, want)
		}
	}
}

// argoLayer returns the directory that the example of kind flux packs.
func argoLayer(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(example("flux"), "davit.yaml"))
	_, rest, found := strings.Cut(string(data), "layers: [")
	name, _, ends := strings.Cut(rest, "]")
	if err != nil || !found || !ends {
		t.Fatalf("davit.yaml is %s, %v", data, err)
	}
	return name
}
