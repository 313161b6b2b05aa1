package modelpack

import (
	"slices"

	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
	"github.com/davit-oci/davit/mediatypes"
)

// layer returns a layer type for a role of a ModelPack. content is the part of the media type that depends on the role. Inlined, it would
// add 5 KB to the program.
//
//go:noinline
func layer(role, content string, match ...string) mediatypes.LayerType {
	base := "application/vnd.cncf.model." + content + ".v1."
	return mediatypes.LayerType{
		Role: role, MediaType: base + "raw", Match: match,
		MediaTypes: map[mediatypes.Packing]string{mediatypes.Tar: base + "tar", mediatypes.TarGzip: base + "tar+gzip", mediatypes.TarZstd: base + "tar+zstd"},
	}
}

// withTells returns the layer type with Tells set, so that its files identify the kind.
func withTells(t mediatypes.LayerType) mediatypes.LayerType {
	t.Tells = true
	return t
}

// data describes a model in the format of the CNCF ModelPack specification.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "modelpack",
		Summary: "a model in the CNCF ModelPack format, as modctl packs it",
		Identity: mediatypes.Identity{
			ArtifactType: mediatypes.ModelPackManifest,
			Types:        []string{"application/vnd.cnai.model.manifest.v1+json", "application/vnd.cnai.model.config.v1+json"},
		},
		Config: mediatypes.Config{MediaType: mediatypes.ModelPackConfig, Derive: "modelpack", Schema: schema()},
		Layers: []mediatypes.LayerType{
			{Role: "modelfile", MediaType: "text/plain", Match: []string{"Modelfile"}, Content: "modelfile", Tells: true},
			withTells(layer("weights", "weight", weightset.OtherWeights...)),
			layer("weights", "weight", weightset.WeightFiles...),
			layer("config", "weight.config", weightset.WeightConfigFiles...),
			layer("code", "code", weightset.CodeFiles...),
			layer("dataset", "dataset", "*.csv", "*.parquet", "*.jsonl", "*.arrow", "*.tsv"),
			layer("doc", "doc", weightset.DocFiles...),
			layer("doc", "doc", "*"),
		},
		Directories: mediatypes.Directories{
			Expand:     true,
			IgnoreFile: weightset.IgnoreFile,
			Exclude:    slices.Concat(weightset.HiddenFiles, weightset.Leftovers, []string{"**/__pycache__", "**/*.pyc", "**/*.pyo", "**/*.pyd"}), // skipPatterns of modctl
		},
		Clients: []string{"modctl", "docker model", "kit"},
		Example: `kind: modelpack
version: 1.0.0
config:
  descriptor: {licenses: [CC0-1.0]}
layers: [model/]
`,
	}
}

// modalities returns the schema of a list of input or output types of a model.
func modalities() map[string]any {
	return map[string]any{"type": "array", "items": map[string]any{"enum": []any{"text", "image", "audio", "video", "embedding", "other"}}}
}

// schema returns the fields of the config that davit.yaml may set. It lacks modelfs, which depends on the layers.
func schema() map[string]any {
	return kind.ObjectField(map[string]any{
		"descriptor": kind.ObjectField(map[string]any{
			"createdAt":   kind.StringField("time of creation, in RFC 3339"),
			"authors":     kind.StringsField("names of the authors"),
			"vendor":      kind.StringField("organization that distributes the model"),
			"family":      kind.StringField("such as llama3 or qwen2"),
			"name":        kind.StringField("name of the model"),
			"version":     kind.StringField("version of the model"),
			"title":       kind.StringField("title for people"),
			"description": kind.StringField("description for people"),
			"docURL":      kind.StringField("URL of the documentation"),
			"sourceURL":   kind.StringField("URL of the source"),
			"datasetsURL": kind.StringsField("URLs of the datasets that the model was trained on"),
			"revision":    kind.StringField("revision of the source"),
			"licenses":    kind.StringsField("SPDX expressions"),
		}),
		"config": kind.ObjectField(map[string]any{
			"architecture": kind.StringField("such as transformer or cnn; read from the weights"),
			"format":       kind.StringField("such as gguf, safetensors, or onnx; read from the weights"),
			"paramSize":    kind.StringField("number of parameters, such as 8b; read from the weights"),
			"precision":    kind.StringField("such as bf16 or int8"),
			"quantization": kind.StringField("such as Q4_K_M or awq; read from the weights"),
			"capabilities": kind.ObjectField(map[string]any{
				"inputTypes":      modalities(),
				"outputTypes":     modalities(),
				"knowledgeCutoff": kind.StringField("date of the latest training data, in RFC 3339"),
				"reasoning":       kind.BoolField("whether the model can reason"),
				"toolUsage":       kind.BoolField("whether the model can use tools"),
				"reward":          kind.BoolField("whether the model is a reward model"),
				"languages":       kind.StringsField("languages, as two-letter codes of ISO 639"),
			}),
		}),
	})
}
