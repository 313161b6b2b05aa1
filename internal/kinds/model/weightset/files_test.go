package weightset_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
)

func TestAboutFiles(t *testing.T) {
	t.Parallel()
	tensors := formattest.Safetensors(formattest.TinySafetensors, 14)
	files := map[string][]byte{
		"m.gguf": formattest.TinyLlama().Bytes(), "bad.gguf": []byte("x"),
		"d/model.safetensors": tensors, "d/config.json": []byte(`{"model_type":"bert","max_position_embeddings":512}`),
		"m-00001-of-00002.safetensors": tensors, "m-00002-of-00002.safetensors": tensors, "other.safetensors": tensors,
	}
	open := func(layer, path string) (io.ReaderAt, int64) {
		if data := files[path]; data != nil && layer == "l" {
			return bytes.NewReader(data), int64(len(data))
		}
		return nil, 0
	}
	part := func(path string) string { return fmt.Sprintf(`{"path":%q,"digest":"l"}`, path) }
	for config, want := range map[string]string{
		`{"model":{"path":"m.gguf","digest":"l","parts":[` + part("other.gguf") + `]}}`:                                                                           `[{name Tiny Llama} {architecture llama} {parameters 1.28K} {quantization Q4_K_M} {context 2048 tokens} {model m.gguf} {weights 1.56KiB}]`,
		`{"package":{"name":"kit"},"model":{"path":"d/model.safetensors","digest":"l","parts":[` + part("d/config.json") + `]}}`:                                  `[{name kit} {architecture bert} {parameters 7} {quantization F16} {context 512 tokens} {model d/model.safetensors}]`,
		`{"model":{"path":"m-00001-of-00002.safetensors","digest":"l","parts":[` + part("m-00002-of-00002.safetensors") + `]}}`:                                   `[{parameters 14} {quantization F16} {model m-00001-of-00002.safetensors}]`,
		`{"model":{"path":"m-00001-of-00002.safetensors","digest":"l","parts":[` + part("m-00002-of-00002.safetensors") + "," + part("other.safetensors") + `]}}`: `[{quantization F16} {model m-00001-of-00002.safetensors}]`,
		`{"model":{"path":"bad.gguf","digest":"l"}}`: `[{model bad.gguf}]`,
		`{"model":{"path":"m.gguf"}}`:                `[{model m.gguf}]`,
		`{"model":{"path":"m.onnx","digest":"l"}}`:   `[{model m.onnx}]`,
		`[]`: `[]`,
	} {
		facts := slices.DeleteFunc(weightset.AboutFiles([]byte(config), open), func(f kind.Fact) bool { return f.Name == kind.FilesFact })
		if got := fmt.Sprint(facts); got != want {
			t.Errorf("%s: got %s, want %s", config, got, want)
		}
	}
}
