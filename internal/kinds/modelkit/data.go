package modelkit

import (
	"slices"

	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/kinds/model/listing"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
	"github.com/davit-oci/davit/mediatypes"
)

// layer returns a layer type for a role of a ModelKit. content is the part of the media type that depends on the role. Inlined, it would
// add 4 KB to the program.
//
//go:noinline
func layer(role, content string, match ...string) mediatypes.LayerType {
	base := "application/vnd.kitops.modelkit." + content + ".v1."
	return mediatypes.LayerType{
		Role: role, MediaType: base + "tar", Match: match, Packing: mediatypes.Tar,
		MediaTypes: map[mediatypes.Packing]string{mediatypes.TarGzip: base + "tar+gzip", mediatypes.TarZstd: base + "tar+zstd"},
	}
}

// data describes a KitOps ModelKit. Its config is the Kitfile, as JSON.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:     "modelkit",
		Summary:  "a KitOps ModelKit: a model with its code, datasets and documents, declared in a Kitfile",
		Identity: mediatypes.Identity{ArtifactType: mediatypes.ModelKitManifest},
		Config:   mediatypes.Config{MediaType: mediatypes.ModelKitConfig, Derive: "modelkit", Schema: schema()},
		Layers: []mediatypes.LayerType{
			{Role: "kitfile", MediaType: "application/yaml", Match: listing.Kitfiles, Content: "kitfile", Claims: []string{"Kitfile"}, Max: 1, Tells: true},
			layer("model", "model", weightset.WeightFiles...),
			layer("modelpart", "modelpart", weightset.WeightConfigFiles...),
			layer("code", "code", weightset.CodeFiles...),
			layer("dataset", "dataset", "*.csv", "*.parquet", "*.jsonl", "*.arrow", "*.tsv"),
			layer("mcp", "mcpb", "*.mcpb"),
			layer("docs", "docs", slices.Concat(weightset.DocFiles, []string{"*"})...),
			layer("code", "code", "*/"),
		},
		Order: mediatypes.ByRole,
		Directories: mediatypes.Directories{
			PerEntry: true,
			// Unlike kit, davit excludes hidden files even if .kitignore does not list them, because Git's own files and credentials
			// do not belong to a model. The last four patterns are kit's OsSpecificFiles.
			Exclude:    slices.Concat(weightset.HiddenFiles, weightset.Leftovers, []string{"**/Thumbs.db", "**/ehthumbs.db", "**/desktop.ini", "**/$RECYCLE.BIN"}),
			IgnoreFile: weightset.IgnoreFile,
		},
		Clients: []string{"kit"},
		Example: `kind: modelkit
layers: [Kitfile]
`,
	}
}

// schema returns the fields of a Kitfile that davit.yaml may set. It has none that name files, which depend on the layers.
func schema() map[string]any {
	return kind.ObjectField(map[string]any{
		"manifestVersion": kind.StringField("version of the Kitfile format: 1.0.0"),
		"package": kind.ObjectField(map[string]any{
			"name":        kind.StringField("name of the ModelKit"),
			"version":     kind.StringField("version of the ModelKit"),
			"description": kind.StringField("description for people"),
			"license":     kind.StringField("an SPDX expression"),
			"authors":     kind.StringsField("names of the authors"),
		}),
		"model": kind.ObjectField(map[string]any{
			"name":        kind.StringField("name of the model"),
			"license":     kind.StringField("an SPDX expression"),
			"framework":   kind.StringField("such as pytorch or onnx"),
			"format":      kind.StringField("such as gguf or safetensors"),
			"version":     kind.StringField("version of the model"),
			"description": kind.StringField("description for people"),
			"parameters":  map[string]any{"description": "further facts about the model, of any type"},
		}),
	})
}
