package weightset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/gguf"
	"github.com/davit-oci/davit/internal/format/quantity"
	"github.com/davit-oci/davit/internal/format/safetensors"
	"github.com/davit-oci/davit/internal/format/weights"
	"github.com/davit-oci/davit/internal/tree"
)

// CheckShards refuses sharded weights that lack a file.
func CheckShards(paths []string) error {
	missing, err := weights.MissingShards(paths)
	if err == nil && len(missing) > 0 {
		err = &spec.Error{Item: missing[0], Err: errors.New("is missing: a sharded model is complete or it is none")}
	}
	return err
}

// readShards reads all files of the weights as one file.
func readShards[F interface{ Add(F) }](fsys fs.FS, shards []*compose.Layer, read func(io.ReaderAt, int64) (F, error)) (all F, err error) {
	for i, l := range shards {
		f, err := tree.Inspect(fsys, l.Source(), read)
		if err != nil {
			return all, err
		}
		if i == 0 {
			all = f
		} else {
			all.Add(f)
		}
	}
	return all, nil
}

// GGUFFacts reads the facts in all shards, merged.
func GGUFFacts(fsys fs.FS, shards []*compose.Layer) (map[string]any, error) {
	all, err := readShards(fsys, shards, gguf.Read)
	if err != nil {
		return nil, err
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

// SafetensorsFacts reads all shards, and the config.json beside the first.
func SafetensorsFacts(fsys fs.FS, shards []*compose.Layer) (map[string]any, error) {
	all, err := readShards(fsys, shards, safetensors.Read)
	if err != nil {
		return nil, err
	}
	metadata := all.Metadata
	metadata["tensor_count"] = fmt.Sprint(all.Tensors)
	facts := map[string]any{
		"parameters":   quantity.Fixed(all.Elements, "", "K", "M", "B", "T"),
		"quantization": all.Quantization(),
		"size":         quantity.Fixed(all.Size, "B", "kB", "MB", "GB", "TB", "PB"),
		"safetensors":  metadata,
	}
	if architecture := metadata["architecture"]; architecture != "" {
		facts["architecture"] = architecture
	}
	return facts, hubFacts(fsys, path.Join(path.Dir(shards[0].Source()), "config.json"), facts)
}

// hubFacts adds facts from the config.json of Hugging Face, if it exists.
func hubFacts(fsys fs.FS, name string, facts map[string]any) error {
	data, err := tree.ReadFile(fsys, name, tree.MaxSmallFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(data, &config); err != nil {
		return &spec.Error{Item: name, Err: fmt.Errorf("it stands beside safetensors weights and is not JSON: %w", err)}
	}
	if kind, ok := config["model_type"].(string); ok && facts["architecture"] == nil && kind != "" {
		facts["architecture"] = kind
	}
	// The first of these that is set, in the order of llama.cpp's converter.
	for _, key := range [...]string{"max_position_embeddings", "n_ctx", "n_positions", "max_length", "max_sequence_length", "model_max_length"} {
		if n, ok := config[key].(float64); ok && n >= 1 && n <= math.MaxInt32 && n == math.Trunc(n) {
			facts["context_size"] = int64(n)
			break
		}
	}
	return nil
}
