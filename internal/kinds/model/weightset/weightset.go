// Package weightset is shared by the kinds for models. It has the patterns of file names, sets the titles and paths of layers,
// and reads facts from weights and configs.
package weightset

import (
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// HiddenFiles matches files and directories whose names begin with a dot, at any depth: .git, .cache, .env. It does not match a
// .kitfile, which is a Kitfile.
var HiddenFiles = []string{"**/.*", "!.kitfile"}

// IgnoreFile is kit's ignore file. It applies to all kinds of models, because files that its author keeps out of a ModelKit
// should not be published in another kind either.
const IgnoreFile = ".kitignore"

// Leftovers matches files that interrupted downloads leave behind.
var Leftovers = []string{"**/*.part", "**/*.partial", "**/*.incomplete", "**/*.crdownload", "**/*.aria2"}

// WeightFiles are the patterns by which modctl recognizes weights, except those that also match configs or datasets.
var WeightFiles = []string{"*.safetensors", "*.gguf", "*.ggml", "*.bin", "*.pt", "*.pth", "*.onnx", "*.tflite", "*.h5", "*.hdf5",
	"*.pb", "*.ckpt", "*.keras", "*.mlmodel", "*.msgpack", "*.npz", "*.pkl", "*.joblib", "*.llamafile", "*.engine", "*.dduf",
	"*.mmproj", "*.bin.part*", "*.bin.[0-9]*", "*.gguf.part*", "*.gguf.[0-9]*", "*.gguf-split-*", "*.llamafile.[0-9]*", "*.mar",
	"*.pte", "*.pt2", "*.ptl", "*.hdf", "*.data-[0-9]*", "*.index", "*.ggmf", "*.ggjt", "*.q[2-8]_[0-9k]*", "*.f16", "*.f32",
	"*.checkpoint", "*.dist_ckpt", "*.distcp", "tensor[0-9]*_[0-9]*", "*.tensor", "*.tensors", "*.weights", "*.state",
	"*.embedding", "*.ot", "*.trt", "*.onnx_data*", "*.onnx.data*", "*.pickle", "*.npy", "*.nc", "*.coreml", "*.mil", "*.mleap",
	"*.surml", "*.skops", "*.nemo", "*.pdiparams", "*.pdmodel", "*.jit", "*.gguf_file", "*.caffemodel", "*.prototxt", "*.dlc", "*.circle", "*.nb", "*.ftz", "*.ark"}

// OtherWeights match weights in formats that Docker Model Runner does not support. Beside GGUF or safetensors, they are
// alternatives; alone, they identify a ModelPack. The patterns match no other files.
var OtherWeights = []string{"*.onnx", "*.tflite", "*.keras", "*.mlmodel", "*.llamafile", "*.ckpt", "*.pt", "*.pth", "*.ggml",
	"pytorch_model*.bin", "tf_model.h5", "flax_model*.msgpack", "*.weights.h5", "saved_model.pb", "ggml-*.bin", "*.joblib", "*.skops",
	"*.nemo", "*.pdiparams", "weights.npz"}

// WeightConfigFiles match the files that are needed to use weights: configs and tokenizers.
var WeightConfigFiles = []string{"config.json", "*_config.json", "*tokenizer*", "*.jinja", "vocab.*", "merges.txt", "*.tiktoken",
	"*.model", "*.index.json", "*.json", "*.yaml", "*.yml", "*.toml"}

// Patterns of documents and of code. They are matched after the other patterns.
var (
	DocFiles = []string{"*.md", "*.txt", "*.pdf", "*.rst", "*license*", "*licence*", "*copying*", "*notice*", "*.png", "*.jpg", "*.jpeg",
		"*.gif", "*.bmp", "*.tiff", "*.ico", "*.webp", "*.heic", "*.svg", "*.mp4", "*.mov", "*.avi", "*.mkv", "*.webm", "*.doc", "*.docx", "*.odt",
		"*.rtf", "*.xls", "*.xlsx", "*.ods", "*.ppt", "*.pptx", "*.odp", "*.epub", "*.html", "*.htm", "*.tfevents*", "*.log"}
	CodeFiles = []string{"*.py", "*.ipynb", "*.sh", "*.c", "*.cpp", "*.go", "*.rs", "*.js", "*.ts", "*.java", "dockerfile", "makefile"}
)

// SetPaths annotates each layer with its path relative to the directory of the model, the common directory of all layers.
func SetPaths(d *compose.Draft) {
	dir := path.Dir(d.Layers[0].Title)
	for _, l := range d.Layers {
		for dir != "." && !strings.HasPrefix(l.Title, dir+"/") {
			dir = path.Dir(dir)
		}
	}
	for _, l := range d.Layers {
		l.SetAnnotation(mediatypes.ModelPath, strings.TrimPrefix(l.Title, dir+"/"))
	}
}

// TitleFiles titles each tar that contains one file with the path of the file, instead of its directory.
func TitleFiles(d *compose.Draft) {
	for _, l := range d.Layers {
		if len(l.Files) == 1 && l.Title == l.Path {
			l.Title = l.Files[0]
		}
	}
}

// PrefixOf returns the prefix of tar entries for files in dir: dir and a slash, or "" for ".".
func PrefixOf(dir string) string {
	if dir == "." {
		return ""
	}
	return dir + "/"
}

// Cards returns the file names of model cards, with their rank.
func Cards() []kind.Naming {
	return []kind.Naming{{
		Rank: kind.RankCard, Types: kind.Markdown,
		Stems: []string{"modelcard", "[_-]modelcard", "modelcard[_-]", "[_-]modelcard[_-]", "model_card", "model-card"},
	}}
}
