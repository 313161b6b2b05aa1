package model

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/gguf"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
	"github.com/davit-oci/davit/internal/kinds/modelkit"
	"github.com/davit-oci/davit/internal/kinds/modelpack"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// derive reads the config of Docker Model Runner from the weights.
func derive(d *compose.Draft) (compose.Finish, error) {
	weights := d.WithRole("weights")
	if len(weights) == 0 {
		return nil, nil // a problem already
	}
	facts, err := modelFacts(d.FS, weights)
	if err != nil {
		return nil, err
	}
	weightset.SetPaths(d)
	directory := false
	for _, l := range d.Layers {
		l.SetAnnotation(mediatypes.ModelUntested, "false")
		directory = directory || l.Role == "file" || l.MediaType == mediatypes.ModelSafetensors || path.Dir(l.Annotations[mediatypes.ModelPath]) != "."
	}
	// Files with fixed names need no paths; layers that are tars are unpacked only from artifacts of the older config type.
	if directory && len(d.WithRole("vllm"))+len(d.WithRole("directory")) == 0 {
		d.ConfigType = mediatypes.ModelDirConfig
	}
	config, created := d.Overlay(facts), d.Created
	return func(layers []spec.Packed) (spec.Finished, error) {
		descriptor := map[string]any{}
		if !created.IsZero() {
			descriptor["created"] = created.UTC().Format(time.RFC3339)
		}
		encoded, err := compose.EncodeJSON(map[string]any{
			"config": config, "descriptor": descriptor,
			"rootfs": map[string]any{"type": "rootfs", "diff_ids": compose.BlobDigests(layers)},
		})
		return spec.Finished{Config: encoded}, err
	}, nil
}

// isProjector finds a multimodal projector by its type or architecture.
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

// modelFacts reads the facts in a model's config from its weights. The keys are those of Docker Model Runner's config.
func modelFacts(fsys fs.FS, weights []*compose.Layer) (map[string]any, error) {
	format, err := modelFormat(weights)
	if err != nil {
		return nil, err
	}
	var facts map[string]any
	switch format {
	case "gguf":
		facts, err = weightset.GGUFFacts(fsys, weights)
	case "safetensors":
		facts, err = weightset.SafetensorsFacts(fsys, weights)
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

// modelFormat returns the format that all weights have. Shards must be complete: the native client refuses them otherwise.
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
	return format, weightset.CheckShards(paths)
}

// isNoModelfile finds files other than declarations of other formats: with one, the files are packed in that format.
func isNoModelfile(s *tree.Sample) (string, bool) {
	name := path.Base(s.Path)
	if name == "Modelfile" {
		_, is := modelpack.IsModelfile(s)
		return "", !is
	}
	if strings.HasPrefix(name, "Kitfile") || name == ".kitfile" {
		_, is := modelkit.IsKitfile(s)
		return "", !is
	}
	return "", true
}
