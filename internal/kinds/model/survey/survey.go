// Package survey determines which files of a tree are the weights of a model, and which part the other files play.
package survey

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/format/gguf"
	"github.com/davit-oci/davit/internal/format/weights"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/tree"
)

// Part is the part that a file plays in a model.
type Part int

// The parts that a survey distinguishes. Any other file is Other.
const (
	Other     Part = iota
	Weights        // of the model
	OtherSet       // weights of another set: another quantization, format, or precision, a checkpoint, or another model
	Projector      // a multimodal projector in GGUF, for images or sound
	OtherProjector
	Template // the chat template
	OtherTemplate
	Adapter // a LoRA: it changes another model
	Imatrix // an importance matrix, an input of quantization
)

// IsWeights reports whether a file with the part holds weights, of the model or of another set.
func (p Part) IsWeights() bool {
	switch p {
	case Weights, OtherSet, Projector, OtherProjector, Adapter:
		return true
	}
	return false
}

// Set is a set of weight files that form one model.
type Set struct {
	Format string   // gguf, safetensors, dduf, or the name of a format that a survey does not read: pytorch, onnx …
	Paths  []string // shards in order
}

// Fault is a defect that makes a model unusable, such as a missing file, or a pointer instead of the file.
type Fault struct{ Path, Message, Hint string }

// Text returns the path and the message.
func (f Fault) Text() string { return fmt.Sprintf("%q %s", f.Path, f.Message) }

// Survey is the result of a survey: the model, other sets of weights, and the part of each file.
type Survey struct {
	Model  Set   // without paths if there are no weights
	Others []Set // sets that are not the model
	Parts  map[string]Part
	Faults []Fault
	// Unread are the errors of index files that can't be read, by path. Without its index, a set may lack shards unnoticed.
	Unread map[string]error
}

// Tree lists the files to survey.
type Tree struct {
	FS     fs.FS
	Paths  []string
	Chosen []string // files that the declaration assigns the role of weights; if not empty, only these files are the model
}

// Survey surveys the files by their names, the index files, and the headers of weights.
func (t Tree) Survey() *Survey {
	s := &surveyor{
		Tree: t, out: &Survey{Parts: map[string]Part{}, Unread: map[string]error{}}, have: map[string]bool{}, formats: map[string]string{}, foreign: map[string]string{},
		named: map[string]map[string]bool{}, reported: map[string]bool{}, seed: maphash.MakeSeed(),
	}
	slices.Sort(s.Paths)
	byFormat := map[string][]string{}
	for _, p := range s.Paths {
		format := s.formatOf(p)
		s.have[p], s.formats[p] = true, format
		byFormat[format] = append(byFormat[format], p)
	}
	var dduf []Set
	for _, p := range byFormat["dduf"] {
		dduf = append(dduf, Set{"dduf", []string{p}})
	}
	s.findForeign()
	s.choose(s.safetensorsSets(byFormat["safetensors"]), s.ggufSets(byFormat["gguf"]), dduf)
	s.keepBest(Projector, OtherProjector, projectorRank)
	s.chooseTemplate()
	s.checkIndexes()
	s.checkShards()
	return s.out
}

// surveyor is the state of a survey.
type surveyor struct {
	Tree
	out     *Survey
	have    map[string]bool            // the elements of Paths
	formats map[string]string          // of weights, by path; empty for other files
	named   map[string]map[string]bool // by index file: the files that it names
	seed    maphash.Seed
	foreign map[string]string // names of foreignFormats, by path

	reported map[string]bool // missing files that have been reported
}

// formatOf returns the format of a file of weights, or "" for other files. It reports a pointer or a web page as a fault and
// returns "". If the name does not show the format, as with Ollama's blobs, it recognizes GGUF by the first bytes.
func (s *surveyor) formatOf(p string) string {
	if f := pointerFault(s.FS, p); f != nil {
		s.out.Faults = append(s.out.Faults, *f)
		return ""
	}
	format := ""
	switch strings.ToLower(path.Ext(p)) {
	case ".gguf", ".mmproj":
		format = "gguf"
	case ".safetensors":
		format = "safetensors"
	case ".dduf":
		format = "dduf"
	case "", ".bin", ".lora", ".imatrix", ".gguf_file", ".dat":
		if head, err := tree.ReadStart(s.FS, p, 8); err == nil && gguf.IsHead(head) {
			format = "gguf"
		}
	}
	if format != "" && isPage(s.FS, p) {
		s.addFault(p, "is a web page, not the file itself", "download it again; the site may want a login")
		return ""
	}
	return format
}

func (s *surveyor) addFault(p, message, hint string) {
	s.out.Faults = append(s.out.Faults, Fault{p, message, hint})
}

// choose chooses the model among the sets. formats has the sets of each format, the best set first.
func (s *surveyor) choose(formats ...[]Set) {
	formats = lists.Delete(formats, func(sets []Set) bool { return len(sets) == 0 })
	sets := slices.Concat(formats...)
	switch {
	case len(s.Chosen) > 0:
		s.chooseNamed(sets)
		return
	case len(sets) == 0:
		s.chooseLoneAdapter()
		s.chooseForeign()
		return
	}
	best := slices.MinFunc(formats, func(a, b []Set) int {
		return cmp.Or(cmp.Compare(shallowest(a), shallowest(b)), cmp.Compare(s.formatRank(a[0]), s.formatRank(b[0])))
	})
	s.out.Model = best[0]
	for _, set := range sets {
		part := OtherSet
		if set.Paths[0] == best[0].Paths[0] {
			part = Weights
		} else {
			s.out.Others = append(s.out.Others, set)
		}
		for _, p := range set.Paths {
			s.out.Parts[p] = part
		}
	}
	s.chooseForeign()
}

// shallowest returns the smallest depth of a file in sets.
func shallowest(sets []Set) int {
	least := 1 << 30
	for _, set := range sets {
		for _, p := range set.Paths {
			least = min(least, depth(p))
		}
	}
	return least
}

// formatRank orders sets of different formats in one directory: a Hugging Face checkpoint, then GGUF, then safetensors without a
// config, then other formats.
func (s *surveyor) formatRank(set Set) int {
	dir := path.Dir(set.Paths[0])
	isCheckpoint := s.have[path.Join(dir, "config.json")] || s.have[path.Join(dir, "model_index.json")] || len(s.indexesIn(dir)) > 0
	switch {
	case set.Format == "safetensors" && isCheckpoint:
		return 0
	case set.Format == "gguf":
		return 1
	case set.Format == "safetensors":
		return 2
	}
	return 3
}

// chooseNamed makes the files in Chosen the model.
func (s *surveyor) chooseNamed(sets []Set) {
	for _, p := range s.Paths {
		switch {
		case slices.Contains(s.Chosen, p):
			s.out.Parts[p] = Weights
			s.out.Model.Paths = append(s.out.Model.Paths, p)
			s.out.Model.Format = cmp.Or(s.out.Model.Format, s.formats[p], s.foreign[p])
		case s.formats[p]+s.foreign[p] != "" && s.out.Parts[p] == Other:
			s.out.Parts[p] = OtherSet
		}
	}
	for _, set := range sets {
		if !slices.ContainsFunc(set.Paths, func(p string) bool { return slices.Contains(s.Chosen, p) }) {
			s.out.Others = append(s.out.Others, set)
		}
	}
}

// chooseLoneAdapter makes an adapter the model, in a tree without other weights. It takes the first adapter in the order of
// compareDirs.
func (s *surveyor) chooseLoneAdapter() {
	byDir := map[string][]string{}
	var dirs []string
	for _, p := range s.Paths {
		if dir := path.Dir(p); s.out.Parts[p] == Adapter {
			if byDir[dir] == nil {
				dirs = append(dirs, dir)
			}
			byDir[dir] = append(byDir[dir], p)
		}
	}
	lists.Sort(dirs, s.compareDirs)
	for _, dir := range dirs {
		for _, p := range byDir[dir] {
			set := Set{s.formats[p], []string{p}}
			if s.out.Model.Paths == nil {
				s.out.Model, s.out.Parts[p] = set, Weights
				continue
			}
			s.out.Others = append(s.out.Others, set)
			s.out.Parts[p] = OtherSet
		}
	}
}

// keepBest keeps part for the best of the files that have it, and sets the part of the rest to other. The best file is the
// shallowest or, at the same depth, that with the lowest rank.
func (s *surveyor) keepBest(part, other Part, rank func(p string) int) {
	var all []string
	for _, p := range s.Paths {
		if s.out.Parts[p] == part {
			all = append(all, p)
		}
	}
	if len(all) < 2 {
		return
	}
	best := slices.MinFunc(all, func(a, b string) int {
		return cmp.Or(cmp.Compare(depth(a), depth(b)), cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
	})
	for _, p := range all {
		if p != best {
			s.out.Parts[p] = other
		}
	}
}

// projectorRank prefers F16, as Docker Model Runner does.
func projectorRank(p string) int {
	name := strings.ToLower(path.Base(p))
	if strings.Contains(name, "f16") && !strings.Contains(name, "bf16") {
		return 0
	}
	return 1
}

// chooseTemplate finds the chat template among the files whose names mark them as templates.
func (s *surveyor) chooseTemplate() {
	for _, p := range s.Paths {
		name := strings.ToLower(path.Base(p))
		if path.Ext(name) == ".jinja" || strings.Contains(name, "chat_template") {
			s.out.Parts[p] = Template
		}
	}
	s.keepBest(Template, OtherTemplate, func(p string) int {
		name := strings.ToLower(path.Base(p))
		switch {
		case name == "chat_template.jinja":
			return 0
		case path.Ext(name) == ".jinja":
			return 1
		}
		return 2 // chat_template.json has the template in a string
	})
}

// checkShards reports shards of the model that are missing.
func (s *surveyor) checkShards() {
	missing, err := weights.MissingShards(s.out.Model.Paths)
	if err != nil {
		s.addFault(s.out.Model.Paths[0], err.Error(), "rename the shards: NAME-00001-of-00002 is the first of two")
	}
	if len(missing) > 0 {
		s.reportMissing(missing, "a sharded model needs all of its files")
	}
}

// depth returns the number of directories above a file.
func depth(p string) int { return strings.Count(p, "/") }
