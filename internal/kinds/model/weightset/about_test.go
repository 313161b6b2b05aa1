package weightset_test

import (
	"fmt"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/model/weightset"
)

func TestAbout(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{"config":{"architecture":"llama","parameters":"8B","quantization":"Q4_K_M","context_size":4096,"gguf":{"general.name":"Tiny","general.license":"mit"}}}`:                                                           `[{name Tiny} {architecture llama} {parameters 8B} {quantization Q4_K_M} {context 4096 tokens} {license mit}]`,
		`{"descriptor":{"name":"tiny","licenses":["MIT","BSD-3-Clause"]},"config":{"paramSize":"8b","precision":"bf16"},"modelfs":{}}`:                                                                                       `[{name tiny} {parameters 8b} {precision bf16} {license MIT, BSD-3-Clause}]`,
		`{"package":{"name":"kit","version":"1"},"model":{"path":"m.gguf","framework":"onnx"}}`:                                                                                                                              `[{name kit} {version 1} {model m.gguf} {framework onnx}]`,
		`{"model":{"path":"./m.gguf","digest":"sha256:1","parts":[{"path":"a.json","digest":"sha256:2"},{"path":"base:1"}]},"code":[{"path":"src/","digest":"sha256:3"}],"docs":[{"path":"README.md","digest":"sha256:4"}]}`: `[{model ./m.gguf} {files m.gguf, a.json, src, README.md}]`,
		`{}`:               `[]`,
		`[1]`:              `[]`,
		`{"config": "no"}`: `[]`,
		``:                 `[]`,
	} {
		if got := fmt.Sprint(weightset.About([]byte(config))); got != want {
			t.Errorf("%s: got %s, want %s", config, got, want)
		}
	}
}
