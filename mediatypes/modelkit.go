package mediatypes

import "slices"

// The types of a KitOps ModelKit.
const (
	ModelKitManifest = "application/vnd.kitops.modelkit.manifest.v1+json"
	ModelKitConfig   = "application/vnd.kitops.modelkit.config.v1+json"
)

// ModelKitSubtype is the annotation of a layer that tells a prompt from other code.
const ModelKitSubtype = "ml.kitops.modelkit.layer-subtype"

// modelKitLayer is a role of a ModelKit. Entries of its tars have their whole path, with the directories on it.
func modelKitLayer(role, what string, match ...string) LayerType {
	base := "application/vnd.kitops.modelkit." + what + ".v1."
	return LayerType{
		Role: role, MediaType: base + "tar", Match: match, Packing: Tar,
		MediaTypes: map[Packing]string{TarGzip: base + "tar+gzip", TarZstd: base + "tar+zstd"},
	}
}

// modelkit is a model with code, datasets and documents, as KitOps packs it. The config is the Kitfile.
var modelkit = Kind{
	Name:         "modelkit",
	Summary:      "a KitOps ModelKit: a model with its code, datasets and documents, declared in a Kitfile",
	ArtifactType: ModelKitManifest,
	Config:       Config{MediaType: ModelKitConfig, Derive: "modelkit", Schema: modelKitSchema},
	Layers: []LayerType{
		{Role: "kitfile", MediaType: "application/yaml", Match: []string{"Kitfile", "Kitfile.yaml", "Kitfile.yml", ".kitfile"}, Content: "kitfile", Claims: []string{"Kitfile"}, Max: 1, Tells: true},
		modelKitLayer("model", "model", weightFiles...),
		modelKitLayer("modelpart", "modelpart", weightConfigFiles...),
		modelKitLayer("code", "code", codeFiles...),
		modelKitLayer("dataset", "dataset", "*.csv", "*.parquet", "*.jsonl", "*.arrow", "*.tsv"),
		modelKitLayer("mcp", "mcpb", "*.mcpb"),
		modelKitLayer("docs", "docs", append(docFiles, "*")...),
		modelKitLayer("code", "code", "*/"),
	},
	Order:    ByRole,
	PerEntry: true,
	// kit packs hidden files, unless .kitignore lists them; a repository's own files and credentials are no part of a model.
	// The others are kit's OsSpecificFiles.
	Exclude:    slices.Concat(hiddenFiles, []string{"!.kitfile", "**/Thumbs.db", "**/ehthumbs.db", "**/desktop.ini", "**/$RECYCLE.BIN"}),
	IgnoreFile: ".kitignore",
	Clients:    []string{"kit"},
	Example: `kind: modelkit
layers: [Kitfile]
`,
}

// modelKitSchema is what davit.yaml may say of a Kitfile; what names files is made of the layers, or stands in the
// Kitfile.
var modelKitSchema = objectField(map[string]any{
	"manifestVersion": stringField("1.0.0"),
	"package": objectField(map[string]any{
		"name":        stringField("the ModelKit's name"),
		"version":     stringField("its version"),
		"description": stringField("what it is"),
		"license":     stringField("an SPDX expression"),
		"authors":     stringsField("who made it"),
	}),
	"model": objectField(map[string]any{
		"name":        stringField("the model's name"),
		"license":     stringField("an SPDX expression"),
		"framework":   stringField("pytorch, onnx …"),
		"format":      stringField("gguf, safetensors …"),
		"version":     stringField("the model's version"),
		"description": stringField("what it is"),
		"parameters":  map[string]any{"description": "anything about the model"},
	}),
})
