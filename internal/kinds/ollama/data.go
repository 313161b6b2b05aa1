package ollama

import (
	"slices"

	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
	"github.com/davit-oci/davit/mediatypes"
)

// base is the prefix of the media types of Ollama's layers (server/images.go of ollama).
const base = "application/vnd.ollama.image."

// layer returns a layer type for a role. Layers of Ollama have no titles.
func layer(role, content string, match ...string) mediatypes.LayerType {
	return mediatypes.LayerType{Role: role, MediaType: base + role, Match: match, Content: content, Form: mediatypes.Form{Untitled: true}}
}

// data describes an Ollama model. It has a Docker manifest, and its config has the media type of an image config. A directory with
// GGUF files is detected as kind model, so davit.yaml must name kind ollama.
func data() mediatypes.Kind {
	return mediatypes.Kind{
		Name:    "ollama",
		Summary: "a model for Ollama: a GGUF file, and the settings in a Modelfile",
		Config: mediatypes.Config{
			MediaType: mediatypes.DockerConfig, Derive: "ollama",
			Schema: kind.ObjectField(map[string]any{
				"model_format":   kind.StringField("format of the weights: gguf"),
				"model_family":   kind.StringField("such as llama or qwen2; read from the weights"),
				"model_families": kind.StringsField("families of the model and its projector; read from the files"),
				"model_type":     kind.StringField("number of parameters, such as 7.6B; read from the weights"),
				"file_type":      kind.StringField("quantization, such as Q4_K_M; read from the weights"),
				"renderer":       kind.StringField("RENDERER in a Modelfile"),
				"parser":         kind.StringField("PARSER in a Modelfile"),
				"requires":       kind.StringField("minimum Ollama version; REQUIRES in a Modelfile"),
			}),
		},
		Layers: []mediatypes.LayerType{
			{Role: "modelfile", MediaType: "text/plain", Match: []string{"Modelfile", "*.Modelfile"}, Content: "ollama-modelfile", Max: 1},
			layer("projector", "gguf-projector", "*.gguf", "*.mmproj"),
			layer("model", "", "*.gguf"),
			layer("model", "gguf"),
			layer("adapter", "", "*.gguf"),
			layer("template", "", "*.tmpl", "*.gotmpl"),
			layer("system", "", "system.txt"),
			layer("license", "", "*license*", "*licence*", "*copying*", "*notice*"),
			layer("params", "", "params.json"),
			layer("messages", "", "messages.json"),
		},
		Directories: mediatypes.Directories{Expand: true, Exclude: slices.Concat(weightset.HiddenFiles, weightset.Leftovers, []string{"**/*.md"})},
		Clients:     []string{"ollama"},
		Example: `kind: ollama
layers: [Modelfile]
`,
	}
}

// order lists the roles in the order in which Ollama creates layers.
var order = []string{"model", "adapter", "projector", "template", "system", "license", "params", "messages"}
