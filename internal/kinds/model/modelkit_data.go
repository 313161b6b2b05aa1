package model

import (
	"slices"

	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// modelKitLayer is a role of a ModelKit. Entries of its tars have their whole path, with the directories on it.
func modelKitLayer(role, what string, match ...string) mediatypes.LayerType {
	base := "application/vnd.kitops.modelkit." + what + ".v1."
	return mediatypes.LayerType{
		Role: role, MediaType: base + "tar", Match: match, Packing: mediatypes.Tar,
		MediaTypes: map[mediatypes.Packing]string{mediatypes.TarGzip: base + "tar+gzip", mediatypes.TarZstd: base + "tar+zstd"},
	}
}

// modelkit is a model with code, datasets and documents, as KitOps packs it. The config is the Kitfile.
func modelkit() mediatypes.Kind {
	return mediatypes.Kind{
		Name:         "modelkit",
		Summary:      "a KitOps ModelKit: a model with its code, datasets and documents, declared in a Kitfile",
		ArtifactType: mediatypes.ModelKitManifest,
		Config:       mediatypes.Config{MediaType: mediatypes.ModelKitConfig, Derive: "modelkit", Schema: modelKitSchema},
		Layers: []mediatypes.LayerType{
			{Role: "kitfile", MediaType: "application/yaml", Match: []string{"Kitfile", "Kitfile.yaml", "Kitfile.yml", ".kitfile"}, Content: "kitfile", Claims: []string{"Kitfile"}, Max: 1, Tells: true},
			modelKitLayer("model", "model", weightFiles...),
			modelKitLayer("modelpart", "modelpart", weightConfigFiles...),
			modelKitLayer("code", "code", codeFiles...),
			modelKitLayer("dataset", "dataset", "*.csv", "*.parquet", "*.jsonl", "*.arrow", "*.tsv"),
			modelKitLayer("mcp", "mcpb", "*.mcpb"),
			modelKitLayer("docs", "docs", append(docFiles, "*")...),
			modelKitLayer("code", "code", "*/"),
		},
		Order:    mediatypes.ByRole,
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
}

// modelKitSchema is what davit.yaml may say of a Kitfile; what names files is made of the layers, or stands in the
// Kitfile.
var modelKitSchema = kind.ObjectField(map[string]any{
	"manifestVersion": kind.StringField("1.0.0"),
	"package": kind.ObjectField(map[string]any{
		"name":        kind.StringField("the ModelKit's name"),
		"version":     kind.StringField("its version"),
		"description": kind.StringField("what it is"),
		"license":     kind.StringField("an SPDX expression"),
		"authors":     kind.StringsField("who made it"),
	}),
	"model": kind.ObjectField(map[string]any{
		"name":        kind.StringField("the model's name"),
		"license":     kind.StringField("an SPDX expression"),
		"framework":   kind.StringField("pytorch, onnx …"),
		"format":      kind.StringField("gguf, safetensors …"),
		"version":     kind.StringField("the model's version"),
		"description": kind.StringField("what it is"),
		"parameters":  map[string]any{"description": "anything about the model"},
	}),
})
