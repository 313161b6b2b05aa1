package weightset

import (
	"encoding/json"
	"io"
	"path"
	"slices"

	"github.com/davit-oci/davit/internal/format/gguf"
	"github.com/davit-oci/davit/internal/format/quantity"
	"github.com/davit-oci/davit/internal/format/safetensors"
	"github.com/davit-oci/davit/internal/format/weights"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/tree"
)

// maxShards bounds the files whose headers are read to show a model.
const maxShards = 16

// AboutFiles returns the facts about a model in the config of a ModelKit and in the headers of the weights. open is as in
// kind.FactReaders.Files.
func AboutFiles(config []byte, open func(layer, path string) (io.ReaderAt, int64)) []kind.Fact {
	var a about
	if json.Unmarshal(config, &a) != nil {
		return nil // a config of another format
	}
	switch path.Ext(a.Model.Path) {
	case ".gguf":
		a.readGGUF(open)
	case ".safetensors":
		a.readSafetensors(open)
	}
	return a.facts()
}

// shards lists the model's file and those of its parts that are further shards. others reports whether another part has the
// same extension.
func (a *about) shards() (files []layerFile, others bool) {
	group, _ := weights.ShardOf(a.Model.Path)
	files = []layerFile{a.Model.layerFile}
	for _, part := range a.Model.Parts {
		switch of, _ := weights.ShardOf(part.Path); {
		case of == group:
			files = append(files, part)
		case path.Ext(part.Path) == path.Ext(a.Model.Path):
			others = true
		}
	}
	return files, others
}

// readGGUF fills in the facts of a GGUF model. It ignores parts that are not shards of the model: other quantizations or
// projectors.
func (a *about) readGGUF(open func(layer, path string) (io.ReaderAt, int64)) {
	files, _ := a.shards()
	all := readLayers(files, open, gguf.Read)
	if all == nil {
		return
	}
	a.Config.Architecture, a.Config.ContextSize = all.Architecture(), all.ContextSize()
	if q := all.Quantization(); q != gguf.Unknown {
		a.Config.Quantization = q
	}
	if len(files) <= maxShards {
		a.Config.Parameters, a.Config.Size = quantity.Parameters(all.Elements), quantity.Bytes(all.DataSize)
	}
	if name := all.Metadata["general.name"]; a.Model.Name == "" && a.Package.Name == "" {
		a.Model.Name = name
	}
}

// readSafetensors fills in the facts of a safetensors model and of the config.json beside it.
func (a *about) readSafetensors(open func(layer, path string) (io.ReaderAt, int64)) {
	files, others := a.shards()
	all := readLayers(files, open, safetensors.Read)
	if all == nil {
		return
	}
	facts := map[string]any{}
	if !all.IsPacked() {
		facts["quantization"] = all.Quantization()
	}
	if !all.IsPacked() && !others && len(files) <= maxShards {
		facts["parameters"] = quantity.Parameters(all.Elements)
	}
	beside := func(name string) map[string]any { return a.readBeside(name, open) }
	if config := beside("config.json"); config != nil {
		addConfig(config, facts, beside)
	}
	a.Config.Architecture, _ = facts["architecture"].(string)
	a.Config.Parameters, _ = facts["parameters"].(string)
	a.Config.Quantization, _ = facts["quantization"].(string)
	a.Config.ContextSize, _ = facts["context_size"].(int64)
}

// readBeside reads a small JSON file in the directory of the model. It returns nil if the file is absent or can't be read.
func (a *about) readBeside(name string, open func(layer, path string) (io.ReaderAt, int64)) map[string]any {
	name = path.Join(path.Dir(a.Model.Path), name)
	i := slices.IndexFunc(a.Model.Parts, func(f layerFile) bool { return path.Clean(f.Path) == name })
	if i < 0 {
		return nil
	}
	r, size := open(a.Model.Parts[i].Digest, a.Model.Parts[i].Path)
	if r == nil || size > tree.MaxSmallFile {
		return nil
	}
	data, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil
	}
	object, _ := readObject(data)
	return object
}

// readLayers reads the headers of the first maxShards files and merges them. It returns nil if one of them can't be read.
func readLayers[F interface {
	comparable
	Add(F)
}](files []layerFile, open func(layer, path string) (io.ReaderAt, int64), read func(io.ReaderAt, int64) (F, error)) F {
	var all, none F
	for _, file := range files[:min(len(files), maxShards)] {
		r, size := open(file.Digest, file.Path)
		if r == nil {
			return none
		}
		f, err := read(r, size)
		if err != nil {
			return none
		}
		if all == none {
			all = f
		} else {
			all.Add(f)
		}
	}
	return all
}
