package model_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/internal/kinds/model"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestModelOfGGUF(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "model")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
license application/vnd.docker.ai.license raw LICENSE
template application/vnd.docker.ai.chat.template.jinja raw chat_template.jinja
weights application/vnd.docker.ai.gguf.v3 raw tiny-llama.gguf`)
	if plan.ConfigType != mediatypes.ModelConfig || plan.ArtifactType != "" {
		t.Errorf("got config type %s, artifactType %q, want that of a model, and none", plan.ConfigType, plan.ArtifactType)
	}
	kindtest.WantJSON(t, kindtest.Finished(t, plan).Config, fmt.Sprintf(`{
  "config": {"format": "gguf", "architecture": "llama", "parameters": "1.28K", "quantization": "Q4_K_M", "size": "1.56KiB", "context_size": 2048,
    "gguf": {"general.architecture": "llama", "general.name": "Tiny Llama", "general.file_type": "15", "llama.context_length": "2048",
      "llama.attention.layer_norm_rms_epsilon": "0.000010", "tokenizer.ggml.add_bos_token": "true", "tokenizer.ggml.tokens": "<s>, </s>, a"}},
  "descriptor": {},
  "rootfs": {"type": "rootfs", "diff_ids": [%q, %q, %q]}}`,
		digest.FromString("LICENSELICENSE"), digest.FromString("chat_template.jinjachat_template.jinja"), digest.FromString("tiny-llama.gguftiny-llama.gguf")))
	for _, l := range plan.Layers {
		if l.Annotations[mediatypes.ModelPath] != l.Title {
			t.Errorf("%s: annotations: got %v, want the title as path", l.Title, l.Annotations)
		}
	}
}

func TestModelOfSafetensorsDirectory(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"m/model-00001-of-00002.safetensors": string(formattest.Safetensors(formattest.TinySafetensors, 14)),
		"m/model-00002-of-00002.safetensors": string(formattest.Safetensors(`{"c":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}`, 2)),
		"m/config.json":                      `{"model_type": "qwen2", "max_position_embeddings": 4096}`,
		"m/tokenizer/vocab.json":             `{}`,
		"m/LICENSE":                          "MIT",
	}
	plan, err := kindtest.Compose(t, files, "kind: model\nlayers: [m/]\nconfig: {quantization: F16, parameters: tiny}\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
license application/vnd.docker.ai.license raw m/LICENSE
file application/vnd.docker.ai.model.file raw m/config.json
weights application/vnd.docker.ai.safetensors raw m/model-00001-of-00002.safetensors
weights application/vnd.docker.ai.safetensors raw m/model-00002-of-00002.safetensors
file application/vnd.docker.ai.model.file raw m/tokenizer/vocab.json`)
	if plan.ConfigType != mediatypes.ModelDirConfig {
		t.Errorf("config type: got %s, want %s", plan.ConfigType, mediatypes.ModelDirConfig)
	}
	if got := plan.Layers[4].Annotations[mediatypes.ModelPath]; got != "tokenizer/vocab.json" {
		t.Errorf("path of vocab.json: got %q, want tokenizer/vocab.json", got)
	}
	var config struct{ Config json.RawMessage }
	if err := json.Unmarshal(kindtest.Finished(t, plan).Config, &config); err != nil {
		t.Fatal(err)
	}
	kindtest.WantJSON(t, config.Config, `{"format": "safetensors", "architecture": "qwen2", "context_size": 4096, "parameters": "tiny",
  "quantization": "F16", "size": "258.00B", "safetensors": {"format": "pt", "tensor_count": "3"}}`)
}

func TestModelCreated(t *testing.T) {
	t.Parallel()
	spec, err := artifact.Parse("davit.yaml", []byte("kind: model\nlayers: [m.gguf]\n"))
	if err != nil {
		t.Fatal(err)
	}
	spec.Created = time.Unix(1700000000, 0)
	plan, err := artifact.Compose(kindtest.Tree(t, map[string]string{"m.gguf": string(formattest.TinyLlama().Bytes())}).FS(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if config := string(kindtest.Finished(t, plan).Config); !strings.Contains(config, `"descriptor":{"created":"2023-11-14T22:13:20Z"}`) {
		t.Errorf("config: got %s, want the time in the descriptor", config)
	}
}

func TestModelProjector(t *testing.T) {
	t.Parallel()
	projector := formattest.TinyLlama()
	projector.Keys[0].Value = "clip"
	plan, err := kindtest.Compose(t, map[string]string{"a.gguf": string(projector.Bytes()), "m.gguf": string(formattest.TinyLlama().Bytes())},
		"kind: model\nlayers: ['*.gguf']\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
projector application/vnd.docker.ai.mmproj raw a.gguf
weights application/vnd.docker.ai.gguf.v3 raw m.gguf`)
}

// gguf returns a GGUF file with the given general.file_type, and general.type if it is not empty.
func gguf(fileType uint32, general string) string {
	image := formattest.TinyLlama()
	image.Keys[2].Value = fileType
	if general != "" {
		image.Keys = append([]formattest.Pair{{Key: "general.type", Value: general}}, image.Keys...)
	}
	return string(image.Bytes())
}

// splitOf returns a GGUF file whose split.count is count.
func splitOf(count uint32) string {
	image := formattest.TinyLlama()
	image.Keys = append(image.Keys, formattest.Pair{Key: "split.count", Value: count})
	return string(image.Bytes())
}

// tensors returns a safetensors file with two F32 numbers in each tensor.
func tensors(names ...string) string {
	var entries []string
	for i, name := range names {
		entries = append(entries, fmt.Sprintf(`%q:{"dtype":"F32","shape":[2],"data_offsets":[%d,%d]}`, name, 8*i, 8*i+8))
	}
	return string(formattest.Safetensors("{"+strings.Join(entries, ",")+"}", 8*len(names)))
}

func TestModelSeveralWeightSets(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files              map[string]string
		layers, left, note string
		config             string
	}{
		"quantizations": {
			files:  map[string]string{"m-IQ2_M.gguf": gguf(29, ""), "m-Q4_K_M.gguf": gguf(15, ""), "m-Q8_0.gguf": gguf(7, "")},
			layers: "weights application/vnd.docker.ai.gguf.v3 raw m-Q4_K_M.gguf",
			left:   "[m-IQ2_M.gguf m-Q8_0.gguf]",
			note:   "model: the model is m-Q4_K_M.gguf; other weights left out: m-IQ2_M.gguf, m-Q8_0.gguf (to choose another, name its files or exclude this one)",
			config: `"parameters":"1.28K","quantization":"Q4_K_M"`,
		},
		"a model with an importance matrix and an adapter": {
			files:  map[string]string{"A.imatrix.gguf": gguf(0, "imatrix"), "b.gguf": gguf(0, "adapter"), "m.gguf": gguf(7, "model")},
			layers: "weights application/vnd.docker.ai.gguf.v3 raw m.gguf",
			left:   "[A.imatrix.gguf b.gguf]",
			note:   "model: A.imatrix.gguf: an importance matrix, not the model, left out",
			config: `"parameters":"1.28K","quantization":"Q8_0"`,
		},
		"two projectors": {
			files: map[string]string{"m.gguf": gguf(7, ""), "mmproj-BF16.gguf": gguf(32, "mmproj"), "mmproj-F16.gguf": gguf(1, "mmproj")},
			layers: `weights application/vnd.docker.ai.gguf.v3 raw m.gguf
file application/vnd.docker.ai.model.file raw mmproj-BF16.gguf
projector application/vnd.docker.ai.mmproj raw mmproj-F16.gguf`,
			left: "[]", note: "model: the projector is mmproj-F16.gguf; packed as files: mmproj-BF16.gguf (to choose another, exclude this one)",
			config: `"parameters":"1.28K","quantization":"Q8_0"`,
		},
		"several chat templates": {
			files: map[string]string{"m.safetensors": tensors("a"), "chat_template.json": "{}", "chat_template.jinja": "x", "more/tool.jinja": "y"},
			layers: `template application/vnd.docker.ai.chat.template.jinja raw chat_template.jinja
file application/vnd.docker.ai.model.file raw chat_template.json
weights application/vnd.docker.ai.safetensors raw m.safetensors
file application/vnd.docker.ai.model.file raw more/tool.jinja`,
			left: "[]", note: "model: the chat template is chat_template.jinja; packed as files: chat_template.json, more/tool.jinja (to choose another, exclude this one)",
			config: `"parameters":"2.00"`,
		},
		"safetensors and GGUF": {
			files: map[string]string{"config.json": "{}", "gguf/m-Q4_K_M.gguf": gguf(15, ""), "m.safetensors": tensors("a", "b", "c")},
			layers: `file application/vnd.docker.ai.model.file raw config.json
file application/vnd.docker.ai.model.file raw gguf/m-Q4_K_M.gguf
weights application/vnd.docker.ai.safetensors raw m.safetensors`,
			left: "[]", note: "model: the model is m.safetensors; other weights packed too, but the config does not describe them: gguf/m-Q4_K_M.gguf (to choose another, name its files or exclude this one)",
			config: `"parameters":"6.00"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := kindtest.Compose(t, tt.files, "kind: model\nlayers: ['**']\n")
			if err != nil {
				t.Fatal(err)
			}
			kindtest.WantLines(t, kindtest.LayerLines(plan), tt.layers)
			if left := fmt.Sprint(plan.LeftOut); left != tt.left {
				t.Errorf("left out: got %s, want %s", left, tt.left)
			}
			if !slices.Contains(plan.Notes, tt.note) {
				t.Errorf("notes: got %q, want %q among them", plan.Notes, tt.note)
			}
			if config := string(kindtest.Finished(t, plan).Config); !strings.Contains(config, tt.config) {
				t.Errorf("config: got %s, want %s in it", config, tt.config)
			}
		})
	}
}

func TestModelChosenByDeclaration(t *testing.T) {
	t.Parallel()
	files := map[string]string{"m-Q4_K_M.gguf": gguf(15, ""), "m-Q8_0.gguf": gguf(7, ""), "m-Q2_K.gguf": gguf(10, "")}
	for yaml, want := range map[string]string{
		"layers: [{path: m-Q8_0.gguf, as: weights}, {path: m-Q2_K.gguf, as: file}, m-Q4_K_M.gguf]": `
file application/vnd.docker.ai.model.file raw m-Q2_K.gguf
weights application/vnd.docker.ai.gguf.v3 raw m-Q8_0.gguf`,
		"layers: [m-Q2_K.gguf]":                      "weights application/vnd.docker.ai.gguf.v3 raw m-Q2_K.gguf",
		"layers: [{path: ., exclude: ['*Q4_K_M*']}]": "weights application/vnd.docker.ai.gguf.v3 raw m-Q2_K.gguf",
	} {
		plan, err := kindtest.Compose(t, files, "kind: model\n"+yaml+"\n")
		if err != nil {
			t.Errorf("%s: %v", yaml, err)
			continue
		}
		kindtest.WantLines(t, kindtest.LayerLines(plan), want)
	}
}

func TestModelAddsOtherShards(t *testing.T) {
	t.Parallel()
	files := map[string]string{"d/m-00001-of-00003.gguf": gguf(7, ""), "d/m-00002-of-00003.gguf": gguf(7, ""), "d/m-00003-of-00003.gguf": gguf(7, ""), "d/x.gguf": gguf(7, "")}
	plan, err := kindtest.Compose(t, files, "kind: model\nlayers: [d/m-00001-of-00003.gguf]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
weights application/vnd.docker.ai.gguf.v3 raw d/m-00001-of-00003.gguf
weights application/vnd.docker.ai.gguf.v3 raw d/m-00002-of-00003.gguf
weights application/vnd.docker.ai.gguf.v3 raw d/m-00003-of-00003.gguf`)
}

func TestModelReadsPythonConfigs(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{"model_type": "mamba2", "limit": [0.0, Infinity, -Infinity, NaN], "s": "NaN \" Infinity", "max_position_embeddings": 77}`: `"architecture":"mamba2","context_size":77`,
		"\ufeff" + `{"model_type": "llama"}`:                                      `"architecture":"llama","format"`,
		`{"model_type": "llava", "text_config": {"max_position_embeddings": 55}}`: `"architecture":"llava","context_size":55`,
		"":     `{"config":{"format"`,
		"[1]":  `{"config":{"format"`,
		"{bad": `{"config":{"format"`,
		`{"quantization_config": {"quant_method": "awq"}}`:                                                            `{"config":{"format":"safetensors","quantization":"awq","safetensors"`,
		`{"quantization_config": {"quant_method": "fp8"}}`:                                                            `{"config":{"format":"safetensors","parameters":"2.00","quantization":"fp8"`,
		`{"quantization": {"bits": 4, "group_size": 64}}`:                                                             `{"config":{"format":"safetensors","quantization":"mlx"`,
		`{"quantization": {"bits": 4, "group_size": 64}, "quantization_config": {"bits": 4, "group_size": 64}}`:       `{"config":{"format":"safetensors","quantization":"mlx"`,
		`{"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}`:                                `{"config":{"format":"safetensors","quantization":"NVFP4","safetensors"`,
		`{"quantization_config": {"quant_method": "modelopt", "quant_algo": "FP8"}}`:                                  `"parameters":"2.00","quantization":"FP8"`,
		`{"quantization_config": {"quant_method": "one of next year"}}`:                                               `{"config":{"format":"safetensors","quantization":"one of next year","safetensors"`,
		`{"quantization_config": {"quant_method": "compressed-tensors", "format": "float-quantized"}}`:                `"parameters":"2.00","quantization":"compressed-tensors"`,
		`{"quantization_config": {"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized"}}`:           `{"config":{"format":"safetensors","quantization":"compressed-tensors","safetensors"`,
		`{"model_type": "a\u001b[31m", "quantization_config": {"quant_method": ["x"]}, "max_position_embeddings": 3}`: `{"config":{"context_size":3,"format":"safetensors","parameters":"2.00","quantization":"F32"`,
	} {
		plan, err := kindtest.Compose(t, map[string]string{"m.safetensors": tensors("a"), "config.json": config}, "kind: model\nlayers: [m.safetensors]\n")
		if err != nil {
			t.Errorf("%s: %v", config, err)
			continue
		}
		if got := string(kindtest.Finished(t, plan).Config); !strings.Contains(got, want) {
			t.Errorf("%s: config: got %s, want %s in it", config, got, want)
		}
		if isBad := config == "" || config[0] == '[' || config == "{bad"; isBad != (len(plan.Warnings) == 1) {
			t.Errorf("%q: got warnings %q, want one: %t", config, plan.Warnings, isBad)
		}
	}
}

// TestModelReadsToolOutput checks the config of models with files that diffusers, timm, AutoGPTQ, or AutoAWQ wrote beside the weights.
func TestModelReadsToolOutput(t *testing.T) {
	t.Parallel()
	weights := func(dtypes ...string) string {
		header := ""
		for i, dtype := range dtypes {
			header += fmt.Sprintf(`,"t%d":{"dtype":%q,"shape":[1,%d],"data_offsets":[%d,%d]}`, i, dtype, 64/map[string]int{"I32": 4, "F16": 2, "F32": 4, "I64": 8, "U8": 1}[dtype], 64*i, 64*i+64)
		}
		return string(formattest.Safetensors("{"+header[1:]+"}", 64*len(dtypes)))
	}
	for name, tt := range map[string]struct {
		files map[string]string
		want  string // architecture, context, parameters, quantization
	}{
		"a diffusers pipeline":                 {map[string]string{"model_index.json": `{"_class_name":"FluxPipeline","vae":["diffusers","V"]}`, "vae/config.json": `{"model_type":"clip","n_ctx":77}`, "vae/x.safetensors": weights("F16")}, "FluxPipeline <nil> 32.00 F16"},
		"a component of a diffusers pipeline":  {map[string]string{"config.json": `{"_class_name":"ControlNetModel"}`, "m.safetensors": weights("F16")}, "ControlNetModel <nil> 32.00 F16"},
		"timm":                                 {map[string]string{"config.json": `{"architecture":"resnet50"}`, "m.safetensors": weights("F32", "I64")}, "resnet50 <nil> 24.00 F32"},
		"AutoGPTQ":                             {map[string]string{"config.json": `{"model_type":"llama","n_ctx":9}`, "quantize_config.json": `{"bits":4}`, "m.safetensors": weights("I32", "F16")}, "llama 9 <nil> gptq"},
		"AutoAWQ":                              {map[string]string{"config.json": `{"model_type":"llama"}`, "quant_config.json": `{"w_bit":4}`, "m.safetensors": weights("I32", "F16")}, "llama <nil> <nil> awq"},
		"packed integers without a config":     {map[string]string{"m.safetensors": weights("U8", "U8", "F32")}, "<nil> <nil> <nil> <nil>"},
		"integers and floats without a config": {map[string]string{"m.safetensors": weights("U8", "F32")}, "<nil> <nil> 80.00 mixed"},
	} {
		plan, err := kindtest.Compose(t, tt.files, "kind: model\nlayers: [./]\n")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var config struct{ Config map[string]any }
		if err := json.Unmarshal(kindtest.Finished(t, plan).Config, &config); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(config.Config["architecture"], " ", config.Config["context_size"], " ", config.Config["parameters"], " ", config.Config["quantization"])
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
}

func TestModelShardsOfDifferentModels(t *testing.T) {
	t.Parallel()
	shard := func(architecture string, no uint16) string {
		image := formattest.TinyLlama()
		image.Keys[0].Value = architecture
		image.Keys = append(image.Keys, formattest.Pair{Key: "split.no", Value: no})
		return string(image.Bytes())
	}
	for second, want := range map[string]string{
		shard("qwen2", 1): `"m-00002-of-00002.gguf": is of another model: its architecture is qwen2, that of the first shard llama`,
		shard("llama", 0): `"m-00002-of-00002.gguf": is another shard: split.no is 0, its name says 1`,
		shard("llama", 1): "",
	} {
		_, err := kindtest.Compose(t, map[string]string{"m-00001-of-00002.gguf": shard("llama", 0), "m-00002-of-00002.gguf": second}, "kind: model\nlayers: [./]\n")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestModelHuggingFaceCache(t *testing.T) {
	t.Parallel()
	cache := map[string]string{
		"models--org--name/blobs/aa": tensors("a"), "models--org--name/refs/main": "r2", "models--org--name/snapshots/r1/config.json": "{}",
		"models--org--name/snapshots/r2/model.safetensors": tensors("a"), "models--org--name/snapshots/r3/model.safetensors": tensors("a"),
	}
	for _, layers := range []string{"models--org--name/", "./"} {
		_, err := kindtest.Compose(t, cache, "kind: model\nlayers: ["+layers+"]\n")
		if want := `"models--org--name" is a Hugging Face cache, which stores each file twice (name one snapshot in it: snapshots/r2)`; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", layers, err, want)
		}
	}
	if _, err := kindtest.Compose(t, cache, "kind: model\nlayers: [models--org--name/snapshots/r2/]\n"); err != nil {
		t.Errorf("a snapshot: %v", err)
	}
}

func TestModelReadsModelOpt(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{
		"m.safetensors": tensors("a"), "config.json": `{"model_type": "llama"}`, "hf_quant_config.json": `{"quantization": {"quant_algo": "W4A8_AWQ"}}`,
	}, "kind: model\nlayers: [./]\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(kindtest.Finished(t, plan).Config); !strings.Contains(got, `"quantization":"W4A8_AWQ"`) || strings.Contains(got, "parameters") {
		t.Errorf("config: got %s, want quantization W4A8_AWQ without parameters", got)
	}
}

func TestModelRefuses(t *testing.T) {
	t.Parallel()
	whole := string(formattest.TinyLlama().Bytes())
	for name, tt := range map[string]struct {
		files map[string]string
		yaml  string
		want  string
	}{
		"no weights": {map[string]string{"LICENSE": "MIT"}, "layers: [LICENSE]",
			`davit.yaml:2:9: kind "model" needs one layer with role "weights" (expected *.gguf; *.safetensors; *.dduf; GGUF without an extension)`},
		"truncated GGUF": {map[string]string{"m.gguf": whole[:len(whole)-3]}, "layers: [m.gguf]",
			fmt.Sprintf(`davit.yaml:2:10: "m.gguf": truncated GGUF: tensor "blk.0.attn_norm.weight" ends at byte %d, but the file is %d bytes`, len(whole), len(whole)-3)},
		"not GGUF": {map[string]string{"m.gguf": "hello there"}, "layers: [m.gguf]",
			`davit.yaml:2:10: "m.gguf": not a GGUF file: it begins with "hell"`},
		"a missing shard": {map[string]string{"m-00001-of-00002.gguf": whole}, "layers: [m-00001-of-00002.gguf]",
			`davit.yaml:1:1: "m-00002-of-00002.gguf" is missing: a sharded model needs all of its files (download it, or exclude all files of this set)`},
		"split.count above the number of files": {map[string]string{"m.gguf": splitOf(3)}, "layers: [m.gguf]",
			`davit.yaml:2:10: "m.gguf": incomplete: split.count is 3, and there is one file (name all shards as llama-gguf-split wrote them: NAME-00001-of-00003.gguf)`},
		"an index that names a missing file": {map[string]string{"m.safetensors": tensors("a"), "model.safetensors.index.json": `{"weight_map":{"a":"m.safetensors","b":"n.safetensors"}}`}, "layers: ['*']",
			`davit.yaml:1:1: "n.safetensors" is missing: model.safetensors.index.json names it (download it, or exclude all files of this set)`},
		"a Git LFS pointer": {map[string]string{"m.gguf": whole, "tokenizer.json": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"}, "layers: ['*']",
			`davit.yaml:2:10: "tokenizer.json" is a Git LFS pointer, not the file itself (git lfs pull)`},
		"only an importance matrix": {map[string]string{"m.gguf": gguf(1, "imatrix")}, "layers: ['*']",
			`davit.yaml:1:1: there are no weights of a model, only m.gguf (add the model, or name another kind)`},
		"config field of the wrong type": {map[string]string{"m.gguf": whole}, "layers: [m.gguf]\nconfig: {context_size: many}",
			`davit.yaml:3:24: "context_size": must be an integer, not a string`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := kindtest.Compose(t, tt.files, "kind: model\n"+tt.yaml+"\n")
			if err == nil {
				t.Fatalf("got no error, want %s", tt.want)
			}
			kindtest.WantLines(t, err.Error(), tt.want)
		})
	}
}

func TestModelRefusesNamesThatPullRefuses(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a\\b.json": "has a backslash; the separator is a slash", "x:y.json": "begins with a drive letter, so it is absolute on Windows",
		"a\tb": "has characters that no file name can have", "a\x1b": "has characters that no file name can have",
	} {
		_, err := kindtest.Compose(t, map[string]string{"d/m.safetensors": tensors("a"), name: "x"}, "kind: model\nlayers: ['**']\n")
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q can't be pulled: the name %s", name, want)) {
			t.Errorf("%q: got %v, want the name %s", name, err, want)
		}
	}
}

func TestNamesOfUntitledLayers(t *testing.T) {
	t.Parallel()
	for types, want := range map[string]string{
		"gguf.v3 license": "map[0:model.gguf 1:LICENSE]",
		"gguf.v3 gguf.v3 mmproj chat.template.jinja":     "map[0:model-00001-of-00002.gguf 1:model-00002-of-00002.gguf 2:model.mmproj 3:template.jinja]",
		"safetensors model.file safetensors safetensors": "map[0:model-00001-of-00003.safetensors 2:model-00002-of-00003.safetensors 3:model-00003-of-00003.safetensors]",
		"license license": "map[0:LICENSE-1-of-2 1:LICENSE-2-of-2]",
	} {
		var layers []ocispec.Descriptor
		for _, name := range strings.Fields(types) {
			layers = append(layers, ocispec.Descriptor{MediaType: "application/vnd.docker.ai." + name})
		}
		if got := fmt.Sprint(model.Kind().Pull.NameAll(layers)); got != want {
			t.Errorf("%s: got %s, want %s", types, got, want)
		}
	}
}

// TestModelWithDirectories checks that the title of a directory's tar is the path of the directory. The files of the directory for
// vLLM are pulled beside the other files, so their names must differ from those.
func TestModelWithDirectories(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"w.gguf": string(formattest.TinyLlama().Bytes()), "config.json": "{}",
		"cfg/config.json": "{}", "vllm-config/config.json": "{}", "vllm-config/sub/config.json": "{}",
	}
	for layers, want := range map[string]string{
		"{path: cfg, packing: tar}":                    "directory application/vnd.docker.ai.dir.tar tar cfg",
		"{path: cfg, packing: tar, as: vllm}":          `"cfg" contains "config.json"`,
		"{path: vllm-config, exclude: [/config.json]}": "vllm application/vnd.docker.ai.vllm.config.tar tar vllm-config",
		"vllm-config/": `"vllm-config" contains "config.json"`,
		"{path: vllm-config/sub, packing: tar, title: a}":      "directory application/vnd.docker.ai.dir.tar tar a",
		"{path: vllm-config/sub, packing: tar, as: directory}": "directory application/vnd.docker.ai.dir.tar tar vllm-config/sub",
	} {
		plan, err := kindtest.Compose(t, files, "kind: model\nname: demo\nlayers: [w.gguf, config.json, "+layers+"]\n")
		got := fmt.Sprint(err)
		if err == nil {
			got = kindtest.LayerLines(plan)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", layers, got, want)
		}
	}
}

// TestEveryBrokenShardIsReported checks that the faults of all shards are reported, each with its file.
func TestEveryBrokenShardIsReported(t *testing.T) {
	t.Parallel()
	good, bad, short := "\x02\x00\x00\x00\x00\x00\x00\x00{}", "\x02\x00\x00\x00\x00\x00\x00\x00{]", "\x10\x00"
	for name, tt := range map[string]struct {
		shards []string
		want   []string
	}{
		"one":            {[]string{good, bad, good}, []string{"m-00002-of-00003.safetensors: "}},
		"the first":      {[]string{short, good, good}, []string{"m-00001-of-00003.safetensors: "}},
		"two":            {[]string{bad, good, short}, []string{"m-00001-of-00003.safetensors: ", "m-00003-of-00003.safetensors: "}},
		"all":            {[]string{short, bad, short}, []string{"m-00001-of-00003.safetensors: ", "m-00002-of-00003.safetensors: ", "m-00003-of-00003.safetensors: "}},
		"GGUF":           {[]string{"GGUF\x03", "GGUF\x03\x00"}, []string{"m-00001-of-00002.gguf: truncated", "m-00002-of-00002.gguf: truncated"}},
		"GGUF and other": {[]string{"GGUF\x03", "x"}, []string{"m-00001-of-00002.gguf: truncated", "m-00002-of-00002.gguf: "}},
	} {
		files, extension := map[string]string{}, "safetensors"
		if strings.HasPrefix(name, "GGUF") {
			extension = "gguf"
		}
		for i, text := range tt.shards {
			files[fmt.Sprintf("m-%05d-of-%05d.%s", i+1, len(tt.shards), extension)] = text
		}
		fsys := kindtest.Tree(t, files).FS()
		declared, _, err := artifact.Detect(fsys, slices.Sorted(maps.Keys(files)), "model")
		if err != nil {
			t.Fatal(err)
		}
		_, err = artifact.Compose(fsys, declared)
		if err == nil || !slices.EqualFunc(strings.Split(err.Error(), "\n"), tt.want, strings.HasPrefix) {
			t.Errorf("%s: got\n%v\nwant %q", name, err, tt.want)
		}
	}
}
