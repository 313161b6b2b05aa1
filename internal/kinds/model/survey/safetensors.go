package survey

import (
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/format/safetensors"
	"github.com/davit-oci/davit/internal/format/tensor"
	"github.com/davit-oci/davit/internal/format/weights"
	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/tree"
)

// safetensorsSets groups files into sets, the set of the model first. The best set of each directory belongs to the model,
// unless its tensors have the names of tensors of the model, or the directory holds a variant, a checkpoint, or another model.
func (s *surveyor) safetensorsSets(paths []string) []Set {
	byDir := map[string][]string{}
	var dirs []string
	for _, p := range paths {
		if s.isAdapter(p) {
			s.out.Parts[p] = Adapter
			continue
		}
		dir := path.Dir(p)
		if byDir[dir] == nil {
			dirs = append(dirs, dir)
		}
		byDir[dir] = append(byDir[dir], p)
	}
	lists.Sort(dirs, s.compareDirs)
	pipeline := s.pipelineIn(dirs)
	var sets []Set
	var model Set
	var names tensorNames // of the model; read when first needed
	for _, dir := range dirs {
		here := s.setsOf(byDir[dir])
		sets = append(sets, here[1:]...)
		switch {
		case pipeline != nil && !pipeline[dir]:
			sets = append(sets, here[0])
			continue
		case model.Paths == nil:
			model = here[0]
			continue
		case pipeline != nil || s.isModule(path.Dir(model.Paths[0]), dir):
			model.Paths = append(model.Paths, here[0].Paths...)
			continue
		case isDuplicateDir(dir) || s.isModelBeside(path.Dir(model.Paths[0]), dir):
			sets = append(sets, here[0])
			continue
		case names == nil:
			names = s.tensorsOf(model.Paths)
		}
		found := s.tensorsOf(here[0].Paths)
		if names.overlaps(found) {
			sets = append(sets, here[0])
			continue
		}
		model.Paths = append(model.Paths, here[0].Paths...)
		names.add(found)
	}
	if model.Paths == nil {
		return nil
	}
	return append([]Set{model}, sets...)
}

// compareDirs orders directories: components of a pipeline first, beginning with the denoiser, and checkpoints of a training
// run last, the newest first. Directories that are equal in this respect are ordered by depth, then by name.
func (s *surveyor) compareDirs(a, b string) int {
	stepA, isA := checkpointStep(a)
	stepB, isB := checkpointStep(b)
	switch {
	case isA != isB && isA:
		return 1
	case isA != isB:
		return -1
	case isA && stepA != stepB:
		return stepB - stepA
	case s.isComponentDir(a) != s.isComponentDir(b):
		if s.isComponentDir(a) {
			return -1
		}
		return 1
	case s.isComponentDir(a) && isDenoiser(a) != isDenoiser(b):
		if isDenoiser(a) {
			return -1
		}
		return 1
	case dirDepth(a) != dirDepth(b):
		return dirDepth(a) - dirDepth(b)
	}
	return strings.Compare(a, b)
}

// dirDepth returns the depth of the files in a directory.
func dirDepth(dir string) int { return depth(path.Join(dir, "x")) }

// checkpointDir matches the path of a checkpoint that a trainer wrote. Its group is the training step.
var checkpointDir = lazy.Regexp(`(?:^|/)(?:checkpoint|global_step|step)[-_]?(\d{1,9})(?:/|$)`)

// checkpointStep returns the training step of a checkpoint directory.
func checkpointStep(dir string) (int, bool) {
	m := checkpointDir().FindStringSubmatch(dir)
	if m == nil {
		return 0, false
	}
	n, _ := strconv.Atoi(m[1])
	return n, true
}

// isDuplicateDir reports whether the name of a directory shows that it repeats the model: a checkpoint of its training, or
// the original of a converted model.
func isDuplicateDir(dir string) bool {
	_, isCheckpoint := checkpointStep(dir)
	return isCheckpoint || path.Base(dir) == "original"
}

// isModule reports whether dir holds a module, such as 2_Dense, of the sentence-transformers model in the directory model.
func (s *surveyor) isModule(model, dir string) bool {
	number, name, _ := strings.Cut(path.Base(dir), "_")
	_, err := strconv.Atoi(number)
	return err == nil && name != "" && path.Dir(dir) == model && s.have[path.Join(model, "modules.json")]
}

// isModelBeside reports whether dir holds a model that is not part of the model in the directory model. Both directories have
// a config.json, and no directory above dir is that of a model.
func (s *surveyor) isModelBeside(model, dir string) bool {
	if tree.IsWithin(model, dir) || !s.have[path.Join(dir, "config.json")] || !s.have[path.Join(model, "config.json")] {
		return false
	}
	for _, above := range tree.Parents(path.Dir(dir)) {
		if s.have[path.Join(above, "config.json")] || s.have[path.Join(above, "modules.json")] {
			return false
		}
	}
	return true
}

// setsOf groups the files of one directory into sets, the set of the model first.
func (s *surveyor) setsOf(paths []string) []Set {
	sets := s.candidatesIn(paths)
	if len(sets) < 2 {
		return sets
	}
	best := slices.IndexFunc(sets, func(set Set) bool { return s.rank(set) == slices.Min(s.ranks(sets)) })
	sets = slices.Concat(sets[best:best+1], sets[:best], sets[best+1:])
	model, names := sets[0], s.tensorsOf(sets[0].Paths)
	var others []Set
	for _, set := range sets[1:] {
		found := s.tensorsOf(set.Paths)
		if s.rank(set) == rankWhole && s.rank(model) == rankWhole && !names.overlaps(found) {
			model.Paths = append(model.Paths, set.Paths...) // parts that neither an index nor a usual name distinguishes
			names.add(found)
		} else {
			others = append(others, set)
		}
	}
	slices.Sort(model.Paths)
	return append([]Set{model}, others...)
}

// The ranks of sets in one directory.
const (
	rankIndexed = iota // an index file names it
	rankUsual          // has the name that libraries look for
	rankWhole
	rankVariant  // "model.fp16.safetensors" beside "model.safetensors"
	rankOriginal // "consolidated": the same model in the original format of its authors
	rankPartial  // shards are missing
)

func (s *surveyor) ranks(sets []Set) []int {
	var all []int
	for _, set := range sets {
		all = append(all, s.rank(set))
	}
	return all
}

func (s *surveyor) rank(set Set) int {
	first := set.Paths[0]
	base := path.Base(first)
	group, _ := weights.ShardOf(first)
	switch {
	case strings.HasPrefix(base, "consolidated"):
		return rankOriginal
	case s.isVariant(first):
		return rankVariant
	case s.isIndexed(first):
		return rankIndexed
	case len(set.Paths) < group.Count:
		return rankPartial
	case base == "model.safetensors" || base == "diffusion_pytorch_model.safetensors":
		return rankUsual
	}
	return rankWhole
}

// isVariant reports whether a file is a variant of another: its name has one more part before the extension, like
// "model.fp16.safetensors" beside "model.safetensors".
func (s *surveyor) isVariant(p string) bool {
	base := path.Base(p)
	stem := strings.TrimSuffix(base, path.Ext(base))
	group, _ := weights.ShardOf(p)
	if group.Count > 0 {
		stem = group.Stem[len(group.Stem)-len(path.Base(group.Stem)):]
	}
	variant := path.Ext(stem)
	if variant == "" || variant == stem {
		return false
	}
	plain := strings.TrimSuffix(stem, variant)
	return slices.ContainsFunc(s.Paths, func(o string) bool {
		return path.Dir(o) == path.Dir(p) && (path.Base(o) == plain+".safetensors" || strings.HasPrefix(path.Base(o), plain+"-0"))
	})
}

// candidatesIn groups the files of one directory into sets: by the index files that name them, the rest by shard names.
func (s *surveyor) candidatesIn(paths []string) []Set {
	var sets []Set
	taken := map[string]bool{}
	for _, index := range s.indexesIn(path.Dir(paths[0])) {
		var set []string
		for _, p := range paths {
			if s.filesNamedBy(index)[p] && !taken[p] {
				set, taken[p] = append(set, p), true
			}
		}
		if set != nil {
			sets = append(sets, Set{"safetensors", set})
		}
	}
	rest := slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return taken[p] })
	return append(sets, s.shardSets("safetensors", rest)...)
}

// isAdapter reports whether a file holds the weights of a LoRA adapter.
func (s *surveyor) isAdapter(p string) bool {
	base := path.Base(p)
	return base == "pytorch_lora_weights.safetensors" ||
		s.have[path.Join(path.Dir(p), "adapter_config.json")] && strings.HasPrefix(base, "adapter_") || s.isLoRA(p)
}

// indexesIn lists the index files of a directory: model.safetensors.index.json, then those of variants.
func (s *surveyor) indexesIn(dir string) []string {
	var found []string
	for _, p := range s.Paths {
		if path.Dir(p) == dir && isIndex(p) && strings.Contains(path.Base(p), ".safetensors.index.") {
			found = append(found, p)
		}
	}
	lists.Sort(found, func(a, b string) int { return len(path.Base(a)) - len(path.Base(b)) })
	return found
}

// isIndex reports whether a file is an index of weights.
func isIndex(p string) bool {
	base := path.Base(p)
	return strings.HasSuffix(base, ".json") && (strings.Contains(base, ".safetensors.index.") || strings.Contains(base, ".bin.index."))
}

// isIndexed reports whether an index names a file.
func (s *surveyor) isIndexed(p string) bool {
	return slices.ContainsFunc(s.indexesIn(path.Dir(p)), func(index string) bool { return s.filesNamedBy(index)[p] })
}

// maxIndexed bounds how many names are read from an index file.
const maxIndexed = 100_000

// filesNamedBy returns the files that an index names. If the index can't be read, it returns no files and records the error in
// Unread.
func (s *surveyor) filesNamedBy(index string) map[string]bool {
	if found, ok := s.named[index]; ok {
		return found
	}
	found := map[string]bool{}
	s.named[index] = found
	sample := &tree.Sample{FS: s.FS, Path: index}
	f, err := sample.Open()
	if err != nil {
		return found
	}
	defer f.Close()
	err = jsonwalk.Scan(bom.Skip(f), func(key, value string) bool {
		if strings.HasPrefix(key, "weight_map/") && value != "" && fs.ValidPath(value) && len(found) < maxIndexed {
			found[path.Join(path.Dir(index), value)] = true
		}
		return true
	})
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("its JSON ends too early")
	}
	if err != nil {
		clear(found)
		s.out.Unread[index] = err
	}
	return found
}

// checkIndexes reports the missing files that an index of the model names. It skips an index that names files of another set.
// It also skips one that names no existing file beside weights of the model: such an index is left over from other weights.
func (s *surveyor) checkIndexes() {
	for _, index := range s.Paths {
		if !isIndex(index) || s.out.Parts[index] != Other {
			continue
		}
		var missing, present []string
		for name := range s.filesNamedBy(index) {
			if s.have[name] {
				present = append(present, name)
			} else {
				missing = append(missing, name)
			}
		}
		slices.Sort(missing)
		isOther := slices.ContainsFunc(present, func(p string) bool { return s.out.Parts[p] == OtherSet }) ||
			len(present) == 0 && s.hasWeightsIn(path.Dir(index))
		if len(missing) > 0 && !isOther {
			s.reportMissing(missing, index+" names it")
		}
	}
}

// hasWeightsIn reports whether a directory has weights of the model.
func (s *surveyor) hasWeightsIn(dir string) bool {
	return slices.ContainsFunc(s.out.Model.Paths, func(p string) bool { return path.Dir(p) == dir })
}

// reportMissing reports missing files, each once.
func (s *surveyor) reportMissing(names []string, why string) {
	const most = 5
	names = slices.DeleteFunc(names, func(name string) bool { return s.reported[name] })
	for i, name := range names {
		s.reported[name] = true
		what, hint := "is missing", "download it, or exclude all files of this set"
		if _, err := fs.Stat(s.FS, name); err == nil {
			what, hint = "is left out", "pack it too, or none of this set"
		}
		switch more := len(names) - most - 1; {
		case i < most || i == most && more == 0:
			s.addFault(name, what+": "+why, hint)
		case i == most:
			s.addFault(name, what+", as are "+strconv.Itoa(more)+" more files: "+why, hint)
		}
	}
}

// tensorNames is a set of hashes of tensor names.
type tensorNames map[uint64]bool

// maxNames bounds how many tensor names of a set are compared.
const maxNames = 1 << 20

// tensorsOf returns the names of the tensors in safetensors files. It skips files that can't be read.
func (s *surveyor) tensorsOf(paths []string) tensorNames {
	names := tensorNames{}
	for _, p := range paths {
		tree.Inspect(s.FS, p, func(r io.ReaderAt, size int64) (*safetensors.File, error) {
			return safetensors.Visit(r, size, func(t tensor.Tensor) {
				if len(names) < maxNames {
					names[maphash.String(s.seed, t.Name)] = true
				}
			})
		})
	}
	return names
}

// overlaps reports whether the sets share at least half of the names of the smaller set.
func (n tensorNames) overlaps(other tensorNames) bool {
	small, large := n, other
	if len(small) > len(large) {
		small, large = large, small
	}
	both := 0
	for name := range small {
		if large[name] {
			both++
		}
	}
	return both > 0 && both*2 >= len(small)
}

func (n tensorNames) add(other tensorNames) {
	for name := range other {
		n[name] = true
	}
}
