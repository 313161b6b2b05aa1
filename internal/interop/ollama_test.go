package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ollamaLayer is a layer of a model that Ollama pushed.
type ollamaLayer struct{ what, content string }

// pushOllama pushes a model in the form of Ollama: a manifest of Docker, whose config has the type of images.
func pushOllama(t *testing.T, ref string, layers ...ollamaLayer) {
	t.Helper()
	target, _ := open(t, ref, registry.Write)
	store := func(mediaType string, data []byte) ocispec.Descriptor {
		desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
		if err := target.Push(t.Context(), desc, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		return desc
	}
	const manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: manifestType}
	m.Config = store("application/vnd.docker.container.image.v1+json", []byte(`{"model_format":"gguf","model_family":"llama","model_families":["llama"],`+
		`"model_type":"1.28K","file_type":"Q4_K_M","architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`))
	for _, l := range layers {
		m.Layers = append(m.Layers, store("application/vnd.ollama.image."+l.what, []byte(l.content)))
	}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	desc := store(manifestType, data)
	if err := target.Tag(t.Context(), desc, "v1"); err != nil {
		t.Fatal(err)
	}
}

// TestDavitReadsOllama pulls, lists, and describes a model in the form of Ollama.
func TestDavitReadsOllama(t *testing.T) {
	t.Parallel()
	ref := repo(t, "tiny") + ":v1"
	gguf := files(t, example("model"))["tiny-llama.gguf"]
	pushOllama(t, ref, ollamaLayer{"model", gguf}, ollamaLayer{"projector", "GGUFp"}, ollamaLayer{"template", "{{ .Prompt }}"}, ollamaLayer{"params", `{"stop":["x"]}`},
		ollamaLayer{"system", "Be brief."}, ollamaLayer{"license", "MIT"}, ollamaLayer{"license", "Apache"}, ollamaLayer{"of-next-year", "?"})
	wantKind(t, ref, "ollama")
	want := map[string]string{
		"model.gguf": gguf, "mmproj.gguf": "GGUFp", "template.tmpl": "{{ .Prompt }}", "params.json": `{"stop":["x"]}`, "system.txt": "Be brief.",
		"LICENSE-00001-of-00002": "MIT", "LICENSE-00002-of-00002": "Apache", "sha256-" + digest.FromString("?").Encoded(): "?",
	}
	dir, _ := pulled(t, ref, pull.Options{NoSync: true})
	sameFiles(t, files(t, dir), want)

	target, _ := open(t, ref, registry.Read)
	listed, err := read.List(t.Context(), target, "v1", read.ListOptions{})
	if err != nil || len(listed.Files) != len(want) {
		t.Errorf("listed are %+v, %v", listed, err)
	}
	info, err := inspect.Inspect(t.Context(), target, "v1", inspect.Options{})
	if err != nil || info.Kind != "ollama" || info.Layers[0].Name != "model.gguf" {
		t.Errorf("inspected is %+v, %v", info, err)
	}
	shown, err := read.Readable(t.Context(), target, "v1", read.ReadableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var facts []string
	for _, f := range shown.Facts {
		facts = append(facts, fmt.Sprint(f))
	}
	if want := []string{"{architecture llama}", "{parameters 1.28K}", "{quantization Q4_K_M}", "{format gguf}"}; !slices.Equal(facts[:min(4, len(facts))], want) {
		t.Errorf("facts are %v", facts)
	}
}
