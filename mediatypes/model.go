package mediatypes

// The types of Docker Model Runner. ModelConfig is what it writes for single GGUF files and what goes with them,
// ModelDirConfig for a directory, where every file is unpacked under the path it had.
const (
	ModelConfig    = "application/vnd.docker.ai.model.config.v0.1+json"
	ModelDirConfig = "application/vnd.docker.ai.model.config.v0.2+json"

	ModelGGUF         = "application/vnd.docker.ai.gguf.v3"
	ModelSafetensors  = "application/vnd.docker.ai.safetensors"
	ModelDDUF         = "application/vnd.docker.ai.dduf"
	ModelProjector    = "application/vnd.docker.ai.mmproj"
	ModelChatTemplate = "application/vnd.docker.ai.chat.template.jinja"
	ModelLicense      = "application/vnd.docker.ai.license"
	ModelVLLMConfig   = "application/vnd.docker.ai.vllm.config.tar"
	ModelDir          = "application/vnd.docker.ai.dir.tar"
	ModelFile         = "application/vnd.docker.ai.model.file"
)

// ModelPath is the annotation of a model's layer that says where the file belongs in the model's directory.
// ModelUntested says whether its media type is a guess.
const (
	ModelPath     = "org.cncf.model.filepath"
	ModelUntested = "org.cncf.model.file.mediatype.untested"
)

// hiddenFiles are the files and directories that begin with a dot, at any depth: .git, .cache, .env.
var hiddenFiles = []string{"**/.*"}

// model is a model as Docker Model Runner packs it.
var model = Kind{
	Name:    "model",
	Summary: "a model for Docker Model Runner: GGUF, safetensors or DDUF weights and what belongs to them",
	Types:   []string{ModelDirConfig},
	Config: Config{
		MediaType: ModelConfig,
		Derive:    "model",
		Schema: map[string]any{
			"type":                 "object",
			"additionalProperties": false,
			"properties": map[string]any{
				"format":       map[string]any{"enum": []any{"gguf", "safetensors", "dduf"}, "description": "read from the weights"},
				"architecture": map[string]any{"type": "string", "description": "llama, qwen2 …; read from the weights"},
				"parameters":   map[string]any{"type": "string", "description": "how many: 361.82M; read from the weights"},
				"quantization": map[string]any{"type": "string", "description": "Q4_K_M, BF16 …; read from the weights"},
				"size":         map[string]any{"type": "string", "description": "of the weights: 256.35MiB; read from them"},
				"context_size": map[string]any{"type": "integer", "minimum": 1, "maximum": 2147483647, "description": "tokens; read from the weights or config.json"},
			},
		},
	},
	Layers: []LayerType{
		{Role: "projector", MediaType: ModelProjector, Match: []string{"*.gguf", "*.mmproj"}, Content: "gguf-projector", Max: 1},
		{Role: "weights", MediaType: ModelGGUF, Match: []string{"*.gguf"}, Min: 1, Tells: true},
		{Role: "weights", MediaType: ModelSafetensors, Match: []string{"*.safetensors"}, Min: 1, Tells: true},
		{Role: "weights", MediaType: ModelDDUF, Match: []string{"*.dduf"}, Min: 1, Tells: true},
		{Role: "template", MediaType: ModelChatTemplate, Match: []string{"*.jinja", "*chat_template*"}, Max: 1},
		{Role: "license", MediaType: ModelLicense, Match: []string{"*license*", "*licence*", "*copying*", "*notice*"}},
		{Role: "vllm", MediaType: ModelVLLMConfig, Match: []string{"vllm-config/"}, Packing: Tar, Max: 1},
		{Role: "directory", MediaType: ModelDir, Match: []string{"*.dir/"}, Packing: Tar, Prefix: "{title}/"},
		{Role: "file", MediaType: ModelFile, Match: []string{"*"}, Content: "no-modelfile"},
	},
	Order:   ByTitle,
	Expand:  true,
	Exclude: hiddenFiles, // as FromDirectory of docker/model-runner does
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
