package weightset

import (
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/gguf"
	"github.com/davit-oci/davit/internal/format/quantity"
	"github.com/davit-oci/davit/internal/format/safetensors"
	"github.com/davit-oci/davit/internal/kinds/model/survey"
	"github.com/davit-oci/davit/internal/tree"
)

// IncompleteError reports that shards of a model are missing.
type IncompleteError struct{ message string }

// Error implements error.
func (e *IncompleteError) Error() string { return e.message }

// Facts reads facts about a model from its weights. The keys are those of Docker Model Runner's config. If shards are missing,
// the error wraps an *IncompleteError.
func (p *Parts) Facts(d *compose.Draft) (map[string]any, error) {
	facts := map[string]any{}
	var err error
	switch p.Model.Format {
	case "gguf":
		facts, err = readGGUFFacts(d.FS, p.Model)
	case "safetensors":
		var warning string
		if facts, warning, err = readSafetensorsFacts(d.FS, p.Model.Paths); warning != "" {
			d.Warnings = append(d.Warnings, warning)
		}
	}
	if err == nil && p.Model.Format != "" {
		facts["format"] = p.Model.Format
	}
	return facts, err
}

// readShards reads the headers of all shards and merges them. The error is a spec.Errors.
func readShards[F interface{ Add(F) }](fsys fs.FS, shards []string, read func(io.ReaderAt, int64) (F, error)) (all F, err error) {
	var faults spec.Errors
	for i, name := range shards {
		f, err := tree.Inspect(fsys, name, read)
		switch {
		case err != nil:
			faults = append(faults, err)
		case i == 0:
			all = f
		case faults == nil:
			all.Add(f)
		}
	}
	if faults != nil {
		return all, faults
	}
	return all, nil
}

// readGGUFFacts returns the facts in all shards, merged.
func readGGUFFacts(fsys fs.FS, set survey.Set) (map[string]any, error) {
	architecture, number := "", 0 // architecture of the first shard, number of the next
	all, err := readShards(fsys, set.Paths, func(r io.ReaderAt, size int64) (*gguf.File, error) {
		f, err := gguf.Read(r, size)
		number++
		switch {
		case err != nil:
			return nil, err
		case number == 1:
			architecture = f.Metadata["general.architecture"]
		}
		return f, survey.CheckShard(architecture, f, number-1)
	})
	if err != nil {
		return nil, err
	}
	if f := survey.CheckSplit(set, all); f != nil {
		return nil, &spec.Error{Item: f.Path, Err: &IncompleteError{f.Message}, Hint: f.Hint}
	}
	facts := map[string]any{
		"architecture": all.Architecture(),
		"parameters":   quantity.Parameters(all.Elements),
		"size":         quantity.Bytes(all.DataSize),
		"gguf":         all.Metadata,
	}
	if q := all.Quantization(); q != gguf.Unknown {
		facts["quantization"] = q
	}
	if n := all.ContextSize(); n > 0 {
		facts["context_size"] = n
	}
	return facts, nil
}

// readSafetensorsFacts returns the facts in all shards and in the config.json beside the first. If the config.json can't be
// read, it returns a warning instead of those facts.
func readSafetensorsFacts(fsys fs.FS, shards []string) (facts map[string]any, warning string, err error) {
	all, err := readShards(fsys, shards, safetensors.Read)
	if err != nil {
		return nil, "", err
	}
	metadata := all.Metadata
	metadata["tensor_count"] = fmt.Sprint(all.Tensors)
	facts = map[string]any{
		"size":        quantity.Fixed(all.Size, "B", "kB", "MB", "GB", "TB", "PB"),
		"safetensors": metadata,
	}
	if !all.IsPacked() {
		facts["parameters"] = quantity.Fixed(all.Elements, "", "K", "M", "B", "T")
		facts["quantization"] = all.Quantization()
	}
	if architecture := metadata["architecture"]; architecture != "" {
		facts["architecture"] = architecture
	}
	dir := path.Dir(shards[0])
	if class := pipelineClass(fsys, dir); class != "" {
		facts["architecture"] = class
		return facts, "", nil
	}
	return facts, addHubFacts(fsys, path.Join(dir, "config.json"), facts), nil
}

// pipelineClass returns the class of the diffusers pipeline that has its component in dir, or "" if dir is not a component. The
// config of a component does not describe the whole model.
func pipelineClass(fsys fs.FS, dir string) string {
	if dir == "." {
		return ""
	}
	data, err := tree.ReadFile(fsys, path.Join(path.Dir(dir), "model_index.json"), tree.MaxSmallFile)
	if err != nil {
		return ""
	}
	index, _ := readObject(data)
	return nameOf(index["_class_name"])
}
