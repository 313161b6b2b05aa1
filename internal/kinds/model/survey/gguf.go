package survey

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/format/gguf"
	"github.com/davit-oci/davit/internal/format/weights"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/tree"
)

// defaultQuantization is the quantization that llama.cpp and Docker Model Runner choose by default.
const defaultQuantization = "Q4_K_M"

// ggufSets groups GGUF files into sets, the preferred set first. It leaves out projectors, adapters, and importance matrices,
// and records their parts.
func (s *surveyor) ggufSets(paths []string) []Set {
	var models []string
	for _, p := range paths {
		if part := ggufPart(s.readHead(p)); part != Other {
			s.out.Parts[p] = part
		} else {
			models = append(models, p)
		}
	}
	sets := s.shardSets("gguf", models)
	if len(sets) < 2 {
		return sets
	}
	lists.Sort(sets, func(a, b Set) int { return cmp.Compare(depth(a.Paths[0]), depth(b.Paths[0])) })
	preferred := slices.IndexFunc(sets, func(set Set) bool { return hasWord(set.Paths[0], defaultQuantization) })
	if preferred < 0 {
		preferred = slices.IndexFunc(sets, func(set Set) bool { return s.quantization(set.Paths[0]) == defaultQuantization })
	}
	preferred = max(preferred, 0)
	return slices.Concat(sets[preferred:preferred+1], sets[:preferred], sets[preferred+1:])
}

// readHead reads the head of a GGUF file. It returns nil if the file is not GGUF, which is reported when the model is read.
func (s *surveyor) readHead(p string) *gguf.File {
	head, err := tree.ReadHead(s.FS, p)
	if err != nil {
		return nil
	}
	f, err := gguf.ReadHead(head, 1<<62)
	if err != nil {
		return nil
	}
	return f
}

// quantization returns the quantization of a GGUF file, or "" if the file can't be read. It needs more than the head, because the
// key often follows the vocabulary.
func (s *surveyor) quantization(p string) string {
	f, err := tree.Inspect(s.FS, p, gguf.Read)
	if err != nil {
		return ""
	}
	return f.Quantization()
}

// IsProjector reports whether a file with this head and size is a GGUF projector, and returns the evidence.
func IsProjector(head []byte, size int64) (evidence string, ok bool) {
	f, err := gguf.ReadHead(head, size)
	if err != nil || ggufPart(f) != Projector {
		return "", false
	}
	for _, key := range [...]string{"general.type", "general.architecture"} {
		if v := f.Metadata[key]; isProjectorName(v) {
			return fmt.Sprintf("is GGUF with %s %s", key, v), true
		}
	}
	return "", false
}

func isProjectorName(v string) bool { return v == "mmproj" || v == "projector" || v == "clip" }

// ggufPart returns the part of a GGUF file that is not a model, or Other for a model. Older files have no general.type, so it
// also checks other keys.
func ggufPart(f *gguf.File) Part {
	if f == nil {
		return Other
	}
	m := f.Metadata
	switch {
	case isProjectorName(m["general.type"]), isProjectorName(m["general.architecture"]):
		return Projector
	case m["general.type"] == "adapter", m["adapter.type"] != "":
		return Adapter
	case m["general.type"] == "imatrix", m["imatrix.chunk_count"] != "":
		return Imatrix
	}
	return Other
}

// shardSets groups files into sets of shards by their names, complete sets first. An incomplete set of GGUF shards is a
// leftover if there is a complete set.
func (s *surveyor) shardSets(format string, paths []string) []Set {
	groups := map[weights.Group][]string{}
	var order []weights.Group
	for _, p := range paths {
		group, _ := weights.ShardOf(p)
		if groups[group] == nil {
			order = append(order, group)
		}
		groups[group] = append(groups[group], p)
	}
	var whole, partial []Set
	for _, group := range order {
		set := Set{format, groups[group]}
		if len(set.Paths) < group.Count {
			partial = append(partial, set)
		} else {
			whole = append(whole, set)
		}
	}
	if len(whole) > 0 && format == "gguf" {
		for _, set := range partial {
			s.addLeftovers(set)
		}
		return whole
	}
	return append(whole, partial...)
}

// addLeftovers records the shards of an incomplete set beside a complete one.
func (s *surveyor) addLeftovers(set Set) {
	s.out.Others = append(s.out.Others, set)
	for _, p := range set.Paths {
		s.out.Parts[p] = OtherSet
	}
}

// hasWord reports whether a path contains a word, in any case, without a letter, a digit, or "_" before or after the word.
func hasWord(p, word string) bool {
	lower := strings.ToLower(p)
	word = strings.ToLower(word)
	isPart := func(b byte) bool { return b == '_' || b >= 'a' && b <= 'z' || b >= '0' && b <= '9' }
	for at := 0; ; {
		i := strings.Index(lower[at:], word)
		if i < 0 {
			return false
		}
		i += at
		end := i + len(word)
		if (i == 0 || !isPart(lower[i-1])) && (end == len(lower) || !isPart(lower[end])) {
			return true
		}
		at = i + 1
	}
}

// CheckSplit returns a fault if the number of files in a set differs from split.count in their metadata, or nil otherwise.
func CheckSplit(set Set, f *gguf.File) *Fault {
	count, err := strconv.Atoi(f.Metadata["split.count"])
	if err != nil || count < 2 && len(set.Paths) < 2 || count == len(set.Paths) {
		return nil
	}
	files := fmt.Sprintf("there are %d files", len(set.Paths))
	if len(set.Paths) == 1 {
		files = "there is one file"
	}
	return &Fault{set.Paths[0], fmt.Sprintf("incomplete: split.count is %d, and %s", count, files),
		"name all shards as llama-gguf-split wrote them: NAME-00001-of-" + fmt.Sprintf("%05d", count) + ".gguf"}
}

// CheckShard returns an error if a shard differs in architecture from the first shard, or if its split.no is not number, which
// counts from 0. A key that is absent is not an error: llama-gguf-split writes little else into later shards.
func CheckShard(architecture string, shard *gguf.File, number int) error {
	if a, b := architecture, shard.Metadata["general.architecture"]; a != "" && b != "" && a != b {
		return fmt.Errorf("is of another model: its architecture is %s, that of the first shard %s", b, a)
	}
	if no := shard.SplitNo; no != "" && no != strconv.Itoa(number) {
		return fmt.Errorf("is another shard: split.no is %s, its name says %d", no, number)
	}
	return nil
}
