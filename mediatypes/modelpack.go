package mediatypes

import "slices"

// The types of CNCF ModelPack.
const (
	ModelPackManifest = "application/vnd.cncf.model.manifest.v1+json"
	ModelPackConfig   = "application/vnd.cncf.model.config.v1+json"
)

// ModelPackModelfile is the manifest annotation in which modctl keeps the Modelfile.
const ModelPackModelfile = "org.cncf.modctl.modelfile"

// modelPackLayer is a role of ModelPack. modctl packs raw, or as tar; it reads nothing else.
func modelPackLayer(role, what string, match ...string) LayerType {
	base := "application/vnd.cncf.model." + what + ".v1."
	return LayerType{
		Role: role, MediaType: base + "raw", Match: match,
		MediaTypes: map[Packing]string{Tar: base + "tar", TarGzip: base + "tar+gzip", TarZstd: base + "tar+zstd"},
	}
}

// telling makes a layer type tell its kind.
func telling(t LayerType) LayerType {
	t.Tells = true
	return t
}

// weightFiles are names that only model weights have.
var weightFiles = []string{"*.safetensors", "*.gguf", "*.ggml", "*.bin", "*.pt", "*.pth", "*.onnx", "*.tflite", "*.h5", "*.hdf5",
	"*.pb", "*.ckpt", "*.keras", "*.mlmodel", "*.msgpack", "*.npz", "*.pkl", "*.joblib", "*.llamafile", "*.engine", "*.dduf"}

// tellingWeights are those names that nothing but weights has. GGUF and safetensors tell kind model.
var tellingWeights = []string{"*.onnx", "*.tflite", "*.keras", "*.mlmodel", "*.llamafile", "*.ckpt", "*.pt", "*.pth", "*.ggml",
	"pytorch_model*.bin", "tf_model.h5", "flax_model*.msgpack"}

// weightConfigFiles are names of what weights need to be used.
var weightConfigFiles = []string{"config.json", "*_config.json", "*tokenizer*", "*.jinja", "vocab.*", "merges.txt", "*.tiktoken",
	"*.model", "*.index.json", "*.json", "*.yaml", "*.yml", "*.toml"}

var (
	docFiles  = []string{"*.md", "*.txt", "*.pdf", "*.rst", "*license*", "*licence*", "*copying*", "*notice*"}
	codeFiles = []string{"*.py", "*.ipynb", "*.sh", "*.c", "*.cpp", "*.go", "*.rs", "*.js", "*.ts", "*.java", "dockerfile", "makefile"}
)

// modelpack is a model as the CNCF ModelPack specification has it.
var modelpack = Kind{
	Name:         "modelpack",
	Summary:      "a model in the CNCF ModelPack format, as modctl packs it",
	ArtifactType: ModelPackManifest,
	Types:        []string{"application/vnd.cnai.model.manifest.v1+json", "application/vnd.cnai.model.config.v1+json"},
	Config:       Config{MediaType: ModelPackConfig, Derive: "modelpack", Schema: modelPackSchema},
	Layers: []LayerType{
		{Role: "modelfile", MediaType: "text/plain", Match: []string{"Modelfile"}, Content: "modelfile", Max: 1, Tells: true},
		telling(modelPackLayer("weights", "weight", tellingWeights...)),
		modelPackLayer("weights", "weight", weightFiles...),
		modelPackLayer("config", "weight.config", weightConfigFiles...),
		modelPackLayer("code", "code", codeFiles...),
		modelPackLayer("dataset", "dataset", "*.csv", "*.parquet", "*.jsonl", "*.arrow", "*.tsv"),
		modelPackLayer("doc", "doc", append(docFiles, "*")...),
	},
	Expand:  true,
	Exclude: slices.Concat(hiddenFiles, []string{"**/__pycache__", "**/*.pyc", "**/*.pyo", "**/*.pyd"}), // skipPatterns of modctl
	Clients: []string{"modctl", "docker model", "kit"},
	Example: `kind: modelpack
version: 1.0.0
config:
  descriptor: {licenses: [CC0-1.0]}
layers: [model/]
`,
}

func stringsField(description string) map[string]any {
	return map[string]any{"type": "array", "description": description, "items": map[string]any{"type": "string"}}
}

func stringField(description string) map[string]any {
	return map[string]any{"type": "string", "description": description}
}

func boolField(description string) map[string]any {
	return map[string]any{"type": "boolean", "description": description}
}

// objectField is an object that has these fields and no others.
func objectField(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

// noFields is the schema of a config that is made of the files alone.
var noFields = objectField(map[string]any{})

// modalities are what a model takes or gives.
var modalities = map[string]any{"type": "array", "items": map[string]any{"enum": []any{"text", "image", "audio", "video", "embedding", "other"}}}

// modelPackSchema is what davit.yaml may say of a ModelPack config; modelfs is made of the layers.
var modelPackSchema = objectField(map[string]any{
	"descriptor": objectField(map[string]any{
		"createdAt":   stringField("RFC 3339"),
		"authors":     stringsField("who made the model"),
		"vendor":      stringField("who distributes it"),
		"family":      stringField("llama3, qwen2 …"),
		"name":        stringField("the model's name"),
		"version":     stringField("the model's version"),
		"title":       stringField("a name for people"),
		"description": stringField("what it is"),
		"docURL":      stringField("where to read more"),
		"sourceURL":   stringField("where it comes from"),
		"datasetsURL": stringsField("what it was trained on"),
		"revision":    stringField("of the source"),
		"licenses":    stringsField("SPDX expressions"),
	}),
	"config": objectField(map[string]any{
		"architecture": stringField("transformer, cnn …; read from the weights"),
		"format":       stringField("gguf, safetensors, onnx …; read from the weights"),
		"paramSize":    stringField("8b; read from the weights"),
		"precision":    stringField("bf16, int8 …"),
		"quantization": stringField("Q4_K_M, awq …; read from the weights"),
		"capabilities": objectField(map[string]any{
			"inputTypes":      modalities,
			"outputTypes":     modalities,
			"knowledgeCutoff": stringField("RFC 3339"),
			"reasoning":       boolField("it reasons"),
			"toolUsage":       boolField("it uses tools"),
			"reward":          boolField("it is a reward model"),
			"languages":       stringsField("ISO 639, two letters"),
		}),
	}),
})
