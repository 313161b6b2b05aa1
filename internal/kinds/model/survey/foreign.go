package survey

import (
	"bytes"
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/tree"
)

// foreignFormats are formats of weights whose files a survey recognizes but does not read. If there is no model in a format
// that it reads, the first of these formats that is present is the model.
var foreignFormats = []struct {
	name  string
	exts  []string
	magic []string // the file must begin with one of these; empty if the extension is enough
}{
	{"pytorch", []string{".bin", ".pt", ".pth", ".ckpt"}, []string{"PK\x03\x04", "\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05"}},
	{"tensorflow", []string{".h5", ".keras", ".hdf5"}, []string{"\x89HDF", "PK\x03\x04"}},
	{"flax", []string{".msgpack"}, nil},
	{"onnx", []string{".onnx"}, nil},
	{"rust", []string{".ot"}, nil},
	{"tflite", []string{".tflite"}, nil},
}

// trainingPrefixes are prefixes of the names of files that trainers and TensorFlow write beside weights.
var trainingPrefixes = []string{"optimizer", "scheduler", "scaler", "rng_state", "training_args", "trainer_state", "random_states",
	"fingerprint.pb", "keras_metadata.pb"}

// IsTrainingState reports whether a file holds the state of a training run, not weights.
func IsTrainingState(p string) bool {
	name := strings.ToLower(path.Base(p))
	return slices.ContainsFunc(trainingPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// findForeign finds weights in foreignFormats, and importance matrices in the format older than GGUF.
func (s *surveyor) findForeign() {
	for _, p := range s.Paths {
		name := strings.ToLower(path.Base(p))
		switch ext := path.Ext(name); {
		case s.formats[p] != "" || IsTrainingState(p):
		case ext == ".imatrix" || ext == ".dat" && strings.Contains(name, "imatrix"):
			s.out.Parts[p] = Imatrix
		default:
			s.foreign[p] = foreignFormat(s.FS, p, ext)
		}
	}
}

// foreignFormat returns the name of the foreign format of a file, or "" if it has none. ext is the extension in lower case.
func foreignFormat(fsys fs.FS, p, ext string) string {
	for _, f := range foreignFormats {
		if !slices.Contains(f.exts, ext) {
			continue
		}
		if len(f.magic) == 0 {
			return f.name
		}
		head, err := tree.ReadStart(fsys, p, 8)
		if err == nil && slices.ContainsFunc(f.magic, func(m string) bool { return bytes.HasPrefix(head, []byte(m)) }) {
			return f.name
		}
		return ""
	}
	return ""
}

// chooseForeign makes the weights of each foreign format a set. If there is no model yet, the first set is the model.
func (s *surveyor) chooseForeign() {
	for _, f := range foreignFormats {
		set := Set{Format: f.name}
		for _, p := range s.Paths {
			if s.foreign[p] == f.name && s.out.Parts[p] == Other {
				set.Paths = append(set.Paths, p)
			}
		}
		if len(set.Paths) == 0 {
			continue
		}
		part := OtherSet
		if len(s.out.Model.Paths) == 0 {
			part = Weights
			s.sortForeign(set.Paths)
			s.out.Model = set
		} else {
			s.out.Others = append(s.out.Others, set)
		}
		for _, p := range set.Paths {
			s.out.Parts[p] = part
		}
	}
}

// modelPrefixes are prefixes of the usual names of weight files. They distinguish the model from other files of its format.
var modelPrefixes = []string{"pytorch_model", "model", "tf_model", "consolidated"}

// sortForeign sorts weight files by depth, then those with a usual name first, then by decreasing size, then by name. Numbered
// files are not compared by size, so that shards keep their order.
func (s *surveyor) sortForeign(paths []string) {
	rank := func(p string) int64 {
		base := path.Base(p)
		if slices.ContainsFunc(modelPrefixes, func(prefix string) bool { return strings.HasPrefix(base, prefix) }) {
			return -1 << 62
		}
		if info, err := fs.Stat(s.FS, p); err == nil && !isNumbered(base) {
			return -info.Size()
		}
		return 0
	}
	lists.Sort(paths, func(a, b string) int {
		return cmp.Or(cmp.Compare(depth(a), depth(b)), cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
	})
}

// isNumbered reports whether a name has a digit and so may be numbered as a shard.
func isNumbered(base string) bool { return strings.ContainsAny(base, "0123456789") }
