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

// foreignFormats are formats of weights that a survey does not read, by the extensions of their files. The first of them
// that is there is the model if there is no other.
var foreignFormats = []struct {
	name  string
	exts  []string
	magic []string // one of which begins the file; none: the extension is enough
}{
	{"pytorch", []string{".bin", ".pt", ".pth", ".ckpt"}, []string{"PK\x03\x04", "\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05"}},
	{"tensorflow", []string{".h5", ".keras", ".hdf5"}, []string{"\x89HDF", "PK\x03\x04"}},
	{"flax", []string{".msgpack"}, nil},
	{"onnx", []string{".onnx"}, nil},
	{"rust", []string{".ot"}, nil},
	{"tflite", []string{".tflite"}, nil},
}

// trained begins the names of files that trainers and TensorFlow write beside weights.
var trained = []string{"optimizer", "scheduler", "scaler", "rng_state", "training_args", "trainer_state", "random_states",
	"fingerprint.pb", "keras_metadata.pb"}

// IsTrained reports whether a file has the state of a training, not weights.
func IsTrained(p string) bool {
	name := strings.ToLower(path.Base(p))
	return slices.ContainsFunc(trained, func(begin string) bool { return strings.HasPrefix(name, begin) })
}

// findForeign finds weights of formats that are not read, and importance matrices of the time before GGUF.
func (s *surveyor) findForeign() {
	for _, p := range s.Paths {
		name := strings.ToLower(path.Base(p))
		switch ext := path.Ext(name); {
		case s.formats[p] != "" || IsTrained(p):
		case ext == ".imatrix" || ext == ".dat" && strings.Contains(name, "imatrix"):
			s.out.Parts[p] = Imatrix
		default:
			s.foreign[p] = foreignFormat(s.FS, p, ext)
		}
	}
}

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

// chooseForeign makes the weights of each other format a set. The first is the model if there is no other.
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

// usualNames begin the names of the files of a model that has other files of its format beside it.
var usualNames = []string{"pytorch_model", "model", "tf_model", "consolidated"}

// sortForeign sorts files: the shallow first, then those with a usual name, then the large ones. Shards keep their order.
func (s *surveyor) sortForeign(paths []string) {
	rank := func(p string) int64 {
		base := path.Base(p)
		if slices.ContainsFunc(usualNames, func(begin string) bool { return strings.HasPrefix(base, begin) }) {
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

// isNumbered reports whether a name may have the number of a shard.
func isNumbered(base string) bool { return strings.ContainsAny(base, "0123456789") }
