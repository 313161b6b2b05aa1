// Package weightset has what the kinds for models share: names of their files, titles and paths of layers, and the facts that
// weights say of themselves.
package weightset

import (
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// HiddenFiles are the files and directories that begin with a dot, at any depth: .git, .cache, .env. A Kitfile may be one.
var HiddenFiles = []string{"**/.*", "!.kitfile"}

// IgnoreFile is kit's. What its author keeps out of a ModelKit does not get into a model of another kind either.
const IgnoreFile = ".kitignore"

// Leftovers lists the files that interrupted downloads leave behind.
var Leftovers = []string{"**/*.part", "**/*.partial", "**/*.incomplete", "**/*.crdownload", "**/*.aria2"}

// WeightFiles are patterns of names of weights: those of modctl, except names that are configs or data sets as well.
var WeightFiles = []string{"*.safetensors", "*.gguf", "*.ggml", "*.bin", "*.pt", "*.pth", "*.onnx", "*.tflite", "*.h5", "*.hdf5",
	"*.pb", "*.ckpt", "*.keras", "*.mlmodel", "*.msgpack", "*.npz", "*.pkl", "*.joblib", "*.llamafile", "*.engine", "*.dduf",
	"*.mmproj", "*.bin.part*", "*.bin.[0-9]*", "*.gguf.part*", "*.gguf.[0-9]*", "*.gguf-split-*", "*.llamafile.[0-9]*", "*.mar",
	"*.pte", "*.pt2", "*.ptl", "*.hdf", "*.data-[0-9]*", "*.index", "*.ggmf", "*.ggjt", "*.q[2-8]_[0-9k]*", "*.f16", "*.f32",
	"*.checkpoint", "*.dist_ckpt", "*.distcp", "tensor[0-9]*_[0-9]*", "*.tensor", "*.tensors", "*.weights", "*.state",
	"*.embedding", "*.ot", "*.trt", "*.onnx_data*", "*.onnx.data*", "*.pickle", "*.npy", "*.nc", "*.coreml", "*.mil", "*.mleap",
	"*.surml", "*.skops", "*.nemo", "*.pdiparams", "*.pdmodel", "*.jit", "*.gguf_file", "*.caffemodel", "*.prototxt", "*.dlc", "*.circle", "*.nb", "*.ftz", "*.ark"}

// OtherWeights are names that only weights have, of formats that no client of kind model runs: beside GGUF or safetensors they
// are alternatives, without them they show a ModelPack.
var OtherWeights = []string{"*.onnx", "*.tflite", "*.keras", "*.mlmodel", "*.llamafile", "*.ckpt", "*.pt", "*.pth", "*.ggml",
	"pytorch_model*.bin", "tf_model.h5", "flax_model*.msgpack", "*.weights.h5", "saved_model.pb", "ggml-*.bin", "*.joblib", "*.skops",
	"*.nemo", "*.pdiparams", "weights.npz"}

// WeightConfigFiles are patterns of names of files that weights need to be used.
var WeightConfigFiles = []string{"config.json", "*_config.json", "*tokenizer*", "*.jinja", "vocab.*", "merges.txt", "*.tiktoken",
	"*.model", "*.index.json", "*.json", "*.yaml", "*.yml", "*.toml"}

var (
	DocFiles = []string{"*.md", "*.txt", "*.pdf", "*.rst", "*license*", "*licence*", "*copying*", "*notice*", "*.png", "*.jpg", "*.jpeg",
		"*.gif", "*.bmp", "*.tiff", "*.ico", "*.webp", "*.heic", "*.svg", "*.mp4", "*.mov", "*.avi", "*.mkv", "*.webm", "*.doc", "*.docx", "*.odt",
		"*.rtf", "*.xls", "*.xlsx", "*.ods", "*.ppt", "*.pptx", "*.odp", "*.epub", "*.html", "*.htm", "*.tfevents*", "*.log"}
	CodeFiles = []string{"*.py", "*.ipynb", "*.sh", "*.c", "*.cpp", "*.go", "*.rs", "*.js", "*.ts", "*.java", "dockerfile", "makefile"}
)

// SetPaths annotates the path of each file in the directory of the model, their common directory.
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

// TitleFiles sets the titles of tars of one file to the name of the file, not of its directory.
func TitleFiles(d *compose.Draft) {
	for _, l := range d.Layers {
		if len(l.Files) == 1 && l.Title == l.Path {
			l.Title = l.Files[0]
		}
	}
}

// PrefixOf returns the prefix of the entries of a tar whose files are in a directory.
func PrefixOf(dir string) string {
	if dir == "." {
		return ""
	}
	return dir + "/"
}

// Cards returns the names of model cards.
func Cards() []kind.Naming {
	return []kind.Naming{{
		Rank: kind.RankCard, Types: kind.Markdown,
		Stems: []string{"modelcard", "[_-]modelcard", "modelcard[_-]", "[_-]modelcard[_-]", "model_card", "model-card"},
	}}
}
