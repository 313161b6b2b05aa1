package model_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
)

func TestModelOfGGUF(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "model")
	kindtest.WantLines(t, kindtest.LayerLines(plan), `
license application/vnd.docker.ai.license raw LICENSE
template application/vnd.docker.ai.chat.template.jinja raw chat_template.jinja
weights application/vnd.docker.ai.gguf.v3 raw tiny-llama.gguf`)
	if plan.ConfigType != mediatypes.ModelConfig || plan.ArtifactType != "" {
		t.Errorf("config is %s, artifactType %q", plan.ConfigType, plan.ArtifactType)
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
			t.Errorf("%s: annotations are %v", l.Title, l.Annotations)
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
		t.Errorf("config is %s", plan.ConfigType)
	}
	if got := plan.Layers[4].Annotations[mediatypes.ModelPath]; got != "tokenizer/vocab.json" {
		t.Errorf("vocab.json goes to %q", got)
	}
	var config struct{ Config json.RawMessage }
	if err := json.Unmarshal(kindtest.Finished(t, plan).Config, &config); err != nil {
		t.Fatal(err)
	}
	kindtest.WantJSON(t, config.Config, `{"format": "safetensors", "architecture": "qwen2", "context_size": 4096, "parameters": "tiny",
  "quantization": "F16", "size": "258.00B", "safetensors": {"format": "pt", "tensor_count": "3"}}`)
}

func TestModelSaysWhenItWasMade(t *testing.T) {
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
		t.Errorf("config is %s", config)
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

func TestModelRefuses(t *testing.T) {
	t.Parallel()
	whole := string(formattest.TinyLlama().Bytes())
	for name, tt := range map[string]struct {
		files map[string]string
		yaml  string
		want  string
	}{
		"no weights": {map[string]string{"LICENSE": "MIT"}, "layers: [LICENSE]",
			`davit.yaml:2:9: kind "model" needs one layer with role "weights" (expected *.gguf; *.safetensors; *.dduf)`},
		"truncated": {map[string]string{"m.gguf": whole[:len(whole)-3]}, "layers: [m.gguf]",
			fmt.Sprintf(`davit.yaml:2:10: "m.gguf": truncated GGUF: tensor "blk.0.attn_norm.weight" ends at byte %d, the file has %d`, len(whole), len(whole)-3)},
		"not GGUF": {map[string]string{"m.gguf": "hello there"}, "layers: [m.gguf]",
			`davit.yaml:2:10: "m.gguf": not a GGUF file: it begins with "hell"`},
		"two formats": {map[string]string{"m.gguf": whole, "m.safetensors": string(formattest.Safetensors("{}", 0))}, "layers: [m.gguf, m.safetensors]",
			`davit.yaml:1:1: the weights are of two formats, gguf and safetensors, and a model has one`},
		"a shard is missing": {map[string]string{"m-00001-of-00002.gguf": whole}, "layers: [m-00001-of-00002.gguf]",
			`davit.yaml:1:1: "m-00002-of-00002.gguf": is missing: a sharded model is complete or it is none`},
		"wrong type": {map[string]string{"m.gguf": whole}, "layers: [m.gguf]\nconfig: {context_size: many}",
			`davit.yaml:3:24: "context_size": must be an integer, not a string`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := kindtest.Compose(t, tt.files, "kind: model\n"+tt.yaml+"\n")
			if err == nil {
				t.Fatal("no error")
			}
			kindtest.WantLines(t, err.Error(), tt.want)
		})
	}
}
