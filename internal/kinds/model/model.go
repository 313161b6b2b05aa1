package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/gguf"
	"github.com/davit-oci/davit/internal/format/quantity"
	"github.com/davit-oci/davit/internal/format/safetensors"
	"github.com/davit-oci/davit/internal/format/weights"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
)

// deriveModel reads the config of Docker Model Runner out of the weights.
func deriveModel(c *compose.Draft) (compose.Finish, error) {
	weights := c.WithRole("weights")
	if len(weights) == 0 {
		return nil, nil // a problem already
	}
	facts, err := modelFacts(c.FS, weights)
	if err != nil {
		return nil, err
	}
	setModelPaths(c)
	directory := false
	for _, l := range c.Layers {
		l.SetAnnotation(mediatypes.ModelUntested, "false")
		directory = directory || l.Role == "file" || l.MediaType == mediatypes.ModelSafetensors || path.Dir(l.Annotations[mediatypes.ModelPath]) != "."
	}
	// What is unpacked under fixed names needs no paths; a tar among the layers is unpacked in the older way alone.
	if directory && len(c.WithRole("vllm"))+len(c.WithRole("directory")) == 0 {
		c.ConfigType = mediatypes.ModelDirConfig
	}
	config, created := c.Overlay(facts), c.Created
	return func(layers []spec.Packed) (spec.Finished, error) {
		descriptor := map[string]any{}
		if !created.IsZero() {
			descriptor["created"] = created.UTC().Format(time.RFC3339)
		}
		encoded, err := compose.EncodeJSON(map[string]any{
			"config": config, "descriptor": descriptor,
			"rootfs": map[string]any{"type": "rootfs", "diff_ids": BlobDigests(layers)},
		})
		return spec.Finished{Config: encoded}, err
	}, nil
}

// setModelPaths says where each file belongs in the model's directory: the one that holds them all.
func setModelPaths(c *compose.Draft) {
	dir := path.Dir(c.Layers[0].Title)
	for _, l := range c.Layers {
		for dir != "." && !strings.HasPrefix(l.Title, dir+"/") {
			dir = path.Dir(dir)
		}
	}
	for _, l := range c.Layers {
		l.SetAnnotation(mediatypes.ModelPath, strings.TrimPrefix(l.Title, dir+"/"))
	}
}

// BlobDigests are the digests of the layers as they are sent.
func BlobDigests(layers []spec.Packed) []digest.Digest {
	digests := make([]digest.Digest, len(layers))
	for i, l := range layers {
		digests[i] = l.Descriptor.Digest
	}
	return digests
}

// isProjector tells a multimodal projector from other GGUF files by its architecture.
func isProjector(s *tree.Sample) (string, bool) {
	f, err := tree.Inspect(s.FS, s.Path, gguf.Read)
	if err != nil {
		return "", false
	}
	for _, key := range [...]string{"general.type", "general.architecture"} {
		if v := f.Metadata[key]; v == "mmproj" || v == "projector" || v == "clip" {
			return fmt.Sprintf("is GGUF with %s %s", key, v), true
		}
	}
	return "", false
}

// modelFacts reads what a model's config says out of its weights. The keys are those of Docker Model Runner's config.
func modelFacts(fsys fs.FS, weights []*compose.Layer) (map[string]any, error) {
	format, err := modelFormat(weights)
	if err != nil {
		return nil, err
	}
	var facts map[string]any
	switch format {
	case "gguf":
		facts, err = ggufFacts(fsys, weights)
	case "safetensors":
		facts, err = safetensorsFacts(fsys, weights)
	default:
		facts = map[string]any{}
	}
	if err != nil {
		return nil, err
	}
	facts["format"] = format
	return facts, nil
}

// modelFormats are the formats of weights by their media type.
var modelFormats = map[string]string{
	mediatypes.ModelGGUF: "gguf", mediatypes.ModelSafetensors: "safetensors", mediatypes.ModelDDUF: "dduf",
}

// modelFormat is the one format that all weights have. Shards must be complete: the native client refuses them else.
func modelFormat(weights []*compose.Layer) (string, error) {
	var format string
	var paths []string
	for _, l := range weights {
		f := modelFormats[l.MediaType]
		if format != "" && f != format {
			return "", fmt.Errorf("the weights are of two formats, %s and %s, and a model has one", format, f)
		}
		format = f
		paths = append(paths, l.Path)
	}
	return format, shardsComplete(paths)
}

// shardsComplete refuses sharded weights that lack a file.
func shardsComplete(paths []string) error {
	missing, err := weights.MissingShards(paths)
	if err == nil && len(missing) > 0 {
		err = &spec.Error{Item: missing[0], Err: errors.New("is missing: a sharded model is complete or it is none")}
	}
	return err
}

// readShards reads all files of the weights as one.
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

// ggufFacts reads all shards; their metadata are one.
func ggufFacts(fsys fs.FS, shards []*compose.Layer) (map[string]any, error) {
	all, err := readShards(fsys, shards, gguf.Read)
	if err != nil {
		return nil, err
	}
	facts := map[string]any{
		"architecture": all.Architecture(),
		"parameters":   quantity.Parameters(all.Elements),
		"quantization": all.Quantization(),
		"size":         quantity.Bytes(all.DataSize),
		"gguf":         all.Metadata,
	}
	if n := all.ContextSize(); n > 0 {
		facts["context_size"] = n
	}
	return facts, nil
}

// safetensorsFacts reads all shards, and the config.json beside the first.
func safetensorsFacts(fsys fs.FS, shards []*compose.Layer) (map[string]any, error) {
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

// hubFacts adds what a Hugging Face config.json tells; there may be none.
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
	// The first of these that is there, as llama.cpp's converter looks for it.
	for _, key := range [...]string{"max_position_embeddings", "n_ctx", "n_positions", "max_length", "max_sequence_length", "model_max_length"} {
		if n, ok := config[key].(float64); ok && n >= 1 && n <= math.MaxInt32 && n == math.Trunc(n) {
			facts["context_size"] = int64(n)
			break
		}
	}
	return nil
}
