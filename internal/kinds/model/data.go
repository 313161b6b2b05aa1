package model

import (
	"slices"

	"github.com/davit-oci/davit/internal/kinds/model/weightset"
	"github.com/davit-oci/davit/mediatypes"
)

// data describes a model for Docker Model Runner.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:     "model",
		Summary:  "a model for Docker Model Runner: GGUF, safetensors or DDUF weights and what belongs to them",
		Identity: mediatypes.Identity{Types: []string{mediatypes.ModelDirConfig}},
		Config: mediatypes.Config{
			MediaType: mediatypes.ModelConfig,
			Derive:    "model",
			Schema: map[string]any{
				"type":                 "object",
				"additionalProperties": false,
				"properties": map[string]any{
					"format":       map[string]any{"enum": []any{"gguf", "safetensors", "dduf"}, "description": "read from the weights"},
					"architecture": map[string]any{"type": "string", "description": "such as llama or qwen2; read from the weights"},
					"parameters":   map[string]any{"type": "string", "description": "number of parameters, such as 361.82M; read from the weights"},
					"quantization": map[string]any{"type": "string", "description": "such as Q4_K_M or BF16; read from the weights"},
					"size":         map[string]any{"type": "string", "description": "size of the weights, such as 256.35MiB; read from the weights"},
					"context_size": map[string]any{"type": "integer", "minimum": 1, "maximum": 2147483647, "description": "size in tokens; read from the weights or config.json"},
				},
			},
		},
		Layers: []mediatypes.LayerType{
			{Role: "projector", MediaType: mediatypes.ModelProjector, Match: []string{"*.gguf", "*.mmproj"}, Content: "gguf-projector"},
			{Role: "weights", MediaType: mediatypes.ModelGGUF, Match: []string{"*.gguf"}, Min: 1, Tells: true},
			{Role: "weights", MediaType: mediatypes.ModelSafetensors, Match: []string{"*.safetensors"}, Min: 1, Tells: true},
			{Role: "weights", MediaType: mediatypes.ModelDDUF, Match: []string{"*.dduf"}, Min: 1, Tells: true},
			{Role: "weights", MediaType: mediatypes.ModelGGUF, Content: "gguf", Min: 1, Tells: true},
			{Role: "template", MediaType: mediatypes.ModelChatTemplate, Match: []string{"*.jinja", "*chat_template*"}},
			{Role: "license", MediaType: mediatypes.ModelLicense, Match: []string{"*license*", "*licence*", "*copying*", "*notice*"}},
			{Role: "vllm", MediaType: mediatypes.ModelVLLMConfig, Match: []string{"vllm-config/"}, Packing: mediatypes.Tar, Max: 1},
			{Role: "directory", MediaType: mediatypes.ModelDir, Match: []string{"*.dir/"}, Packing: mediatypes.Tar, Form: mediatypes.Form{Prefix: "{title}/"}},
			{Role: "file", MediaType: mediatypes.ModelFile, Match: weightset.OtherWeights},
			{Role: "file", MediaType: mediatypes.ModelFile, Match: []string{"*"}},
		},
		Order: mediatypes.ByTitle,
		Directories: mediatypes.Directories{
			Expand:     true,
			Exclude:    slices.Concat(weightset.HiddenFiles, weightset.Leftovers), // as FromDirectory of docker/model-runner does
			IgnoreFile: weightset.IgnoreFile,
		},
		Clients: []string{"docker model"},
		Example: `kind: model
name: tiny-llama
version: 1.0.0
layers:
  - tiny-llama.gguf
  - LICENSE
  - chat_template.jinja
`,
	}
}
