package model

import (
	"errors"
	"path"
	"time"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/format/gguf"
	"github.com/davit-oci/davit/internal/kinds/model/listing"
	"github.com/davit-oci/davit/internal/kinds/model/survey"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// derive makes Docker Model Runner's config from the weights.
func derive(d *compose.Draft) (configblob.Finish, error) {
	if len(d.WithRole("weights")) == 0 || listing.RefuseBroken(d) {
		return nil, nil // reported as problems
	}
	if err := listing.Take(d, nil, append([]string{"Modelfile"}, listing.Kitfiles...)...); err != nil {
		return nil, err
	}
	found := weightset.Find(d, "weights")
	if len(found.Faults) > 0 {
		return nil, nil // reported as problems
	}
	if err := assign(d, found); err != nil {
		return nil, err
	}
	facts, err := found.Facts(d)
	if err != nil {
		return nil, err
	}
	weightset.TakeCard(d)
	weightset.SetPaths(d)
	directory := false
	for _, l := range d.Layers {
		l.SetAnnotation(mediatypes.ModelUntested, "false")
		directory = directory || l.Role == "file" || l.MediaType == mediatypes.ModelSafetensors || path.Dir(l.Annotations[mediatypes.ModelPath]) != "."
	}
	// The directory type is needed only for files whose paths matter. Docker Model Runner unpacks tar layers only from
	// artifacts with the older config type.
	if directory && len(d.WithRole("vllm"))+len(d.WithRole("directory")) == 0 {
		d.ConfigType = mediatypes.ModelDirConfig
	}
	config, created := d.Overlay(facts), d.Created
	return func(layers []spec.Packed) (spec.Finished, error) {
		descriptor := map[string]any{}
		if !created.IsZero() {
			descriptor["created"] = created.UTC().Format(time.RFC3339)
		}
		encoded, err := configblob.Encode(map[string]any{
			"config": config, "descriptor": descriptor,
			"rootfs": map[string]any{"type": "rootfs", "diff_ids": configblob.BlobDigests(layers)},
		})
		return spec.Finished{Config: encoded}, err
	}, nil
}

// assign sets the role of each file. A GGUF model is packed alone, with its projector, because Docker Model Runner might load
// another GGUF file from the same directory instead.
func assign(d *compose.Draft, found *weightset.Parts) error {
	if len(found.Model.Paths) == 0 {
		message := "there are no weights of a model"
		if rest := found.Rest(); rest != "" {
			message += ", only " + rest
		}
		return &spec.Error{Err: errors.New(message), Hint: "add the model, or name another kind"}
	}
	alone := found.Model.Format == "gguf"
	d.DropLayers(func(l *compose.Layer) bool {
		part := found.Part(l)
		return alone && l.Declared.As == "" && (part == survey.OtherSet || part == survey.Adapter || part == survey.Imatrix)
	})
	for _, l := range d.Layers {
		switch part := found.Part(l); {
		case part == survey.Weights:
			d.Assign(l, "weights", modelTypes[found.Model.Format])
		case part == survey.Projector:
			d.Assign(l, "projector", "")
		case part == survey.Template && l.Role == "template":
		case part != survey.Other && l.Declared.As == "":
			d.Assign(l, "file", "")
		}
	}
	found.AddNotes(d, alone)
	return nil
}

// modelTypes are the media types of weights, by format.
var modelTypes = map[string]string{
	"gguf": mediatypes.ModelGGUF, "safetensors": mediatypes.ModelSafetensors, "dduf": mediatypes.ModelDDUF,
}

// isProjector recognizes a multimodal projector by its type or architecture.
func isProjector(s *tree.Sample) (string, bool) {
	return survey.IsProjector(s.Head(), s.Info.Size())
}

// isGGUF recognizes GGUF files without an extension, as Ollama stores them.
func isGGUF(s *tree.Sample) (string, bool) {
	return "begins like GGUF", gguf.IsHead(s.Head()) && path.Ext(s.Path) == ""
}
