package ollama

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/format/gguf"
	"github.com/davit-oci/davit/internal/kinds/model/listing"
	"github.com/davit-oci/davit/internal/kinds/model/survey"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// derive makes the layers and the config that "ollama create" would make from the Modelfile, or from files without one.
func derive(d *compose.Draft) (configblob.Finish, error) {
	text, err := takeModelfile(d)
	if err != nil {
		return nil, err
	}
	found := weightset.Find(d, "model")
	if len(found.Faults) > 0 {
		return nil, nil // reported as problems
	}
	if err := text.checkRoles(found); err != nil {
		return nil, err
	}
	if err := assign(d, found); err != nil {
		return nil, err
	}
	model := found.Model.Paths[0]
	head, err := tree.Inspect(d.FS, model, gguf.Read)
	if err != nil {
		return nil, err
	}
	text.deriveTemplate(d, model, head.Metadata)
	if err := text.add(d, model); err != nil {
		return nil, err
	}
	if license := head.Metadata["general.license"]; license != "" {
		d.Annotations[ocispec.AnnotationLicenses] = license
	}
	lists.Sort(d.Layers, func(a, b *compose.Layer) int { return slices.Index(order, a.Role) - slices.Index(order, b.Role) })
	config := d.Overlay(text.config(head, families(d)))
	return func(layers []spec.Packed) (spec.Finished, error) {
		whole := maps.Clone(config)
		whole["rootfs"] = map[string]any{"type": "layers", "diff_ids": configblob.BlobDigests(layers)}
		encoded, err := configblob.Encode(whole)
		return spec.Finished{Config: encoded}, err
	}, nil
}

// assign sets the role of each file of weights. It fails unless the model is one GGUF file, because Ollama supports no other.
func assign(d *compose.Draft, found *weightset.Parts) error {
	switch paths := found.Model.Paths; {
	case len(paths) == 0:
		return &spec.Error{Err: errors.New("no GGUF model"), Hint: "add the model, or a Modelfile whose FROM names it"}
	case found.Model.Format != "gguf":
		return &spec.Error{Item: paths[0], Err: fmt.Errorf("models for Ollama must be GGUF, not %s", found.Model.Format), Hint: "convert it: convert_hf_to_gguf.py of llama.cpp"}
	case len(paths) > 1:
		return &spec.Error{Item: paths[0], Err: fmt.Errorf("models for Ollama must be in one file, not %d", len(paths)), Hint: "merge them: llama-gguf-split --merge " + paths[0] + " MODEL.gguf"}
	}
	d.DropLayers(func(l *compose.Layer) bool {
		part := found.Part(l)
		return l.Declared.As == "" && (part == survey.OtherSet || part == survey.OtherProjector || part == survey.Imatrix)
	})
	for _, l := range d.Layers {
		if l.Declared.As != "" {
			continue
		}
		switch found.Part(l) {
		case survey.Weights:
			d.Assign(l, "model", "")
		case survey.Projector:
			d.Assign(l, "projector", "")
		case survey.Adapter:
			d.Assign(l, "adapter", "")
		}
	}
	found.AddNotes(d, true)
	return nil
}

// families lists the architectures of the model and of its projectors.
func families(d *compose.Draft) []string {
	var all []string
	for _, role := range []string{"model", "projector"} {
		for _, l := range d.WithRole(role) {
			if head, err := tree.Inspect(d.FS, l.Source(), gguf.Read); err == nil && head.Architecture() != "" {
				all = append(all, head.Architecture())
			}
		}
	}
	return all
}

// texts holds the values of a Modelfile, most of which become layers that are not files.
type texts struct {
	layers map[string][]string // contents of layers by role, in the order of the Modelfile
	params map[string]any
	chat   []message
	fields map[string]any  // of the config
	by     *compose.Layer  // the layer of the Modelfile; nil if absent
	named  []listing.Named // the files that the Modelfile names
}

// message is a message of the chat history with which a model begins.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// has reports whether a text or a file has a role.
func (t *texts) has(d *compose.Draft, role string) bool {
	return len(t.layers[role])+len(d.WithRole(role)) > 0
}

// deriveTemplate derives the template and the stop words from the model's chat template, unless a template is set. If the chat template
// is unknown, it adds a warning.
func (t *texts) deriveTemplate(d *compose.Draft, model string, metadata map[string]string) {
	chat := metadata["tokenizer.chat_template"]
	if chat == "" || t.has(d, "template") {
		return
	}
	f, ok := familyOf(chat)
	if !ok {
		d.Warnings = append(d.Warnings, fmt.Sprintf("ollama: %s has a chat template that Ollama versions up to 0.17 do not read; TEMPLATE in a Modelfile sets one for them", model))
		return
	}
	d.Notes = append(d.Notes, fmt.Sprintf("ollama: the template is %s, as the chat template of %s; TEMPLATE in a Modelfile sets another", f.name, model))
	t.layers["template"] = []string{f.template}
	if _, set := t.params["stop"]; !set && len(d.WithRole("params")) == 0 {
		t.params["stop"] = f.stop
	}
}

// add adds a layer for each text to the draft, and checks files that have JSON roles.
func (t *texts) add(d *compose.Draft, model string) error {
	for role, value := range map[string]any{"params": t.params, "messages": t.chat} {
		if encoded, err := configblob.Encode(value); err != nil {
			return err
		} else if text := string(encoded); text != "{}" && text != "null" {
			t.layers[role] = []string{text + "\n"} // as ollama encodes them
		}
	}
	for _, role := range order {
		for _, text := range t.layers[role] {
			own, _ := d.Kind.Role(role)
			d.Layers = append(d.Layers, &compose.Layer{
				Layer: spec.Layer{Path: path.Dir(model), Content: []byte(text), Role: role, MediaType: own.MediaType, Packing: mediatypes.Raw, Size: int64(len(text))},
				Type:  roles.Role{LayerType: own},
			})
		}
	}
	for _, role := range []string{"params", "messages"} {
		for _, l := range d.WithRole(role) {
			if err := checkJSON(d, l); err != nil {
				return &spec.Error{Item: l.Source(), Err: err}
			}
		}
	}
	return nil
}

// checkJSON fails if Ollama could not read the file of a layer with the role params or messages.
func checkJSON(d *compose.Draft, l *compose.Layer) error {
	if l.Content != nil {
		return nil
	}
	data, err := tree.ReadFile(d.FS, l.Source(), tree.MaxSmallFile)
	if err != nil {
		return err
	}
	var into any = &map[string]any{}
	if l.Role == "messages" {
		into = &[]message{}
	}
	return json.Unmarshal(data, into)
}

// config returns Ollama's config, without the digests of layers.
func (t *texts) config(head *gguf.File, families []string) map[string]any {
	config := map[string]any{
		"model_format": "gguf", "model_family": head.Architecture(), "model_families": families, "model_type": formatNumber(head.Elements),
		"architecture": "amd64", "os": "linux",
	}
	if q := head.Quantization(); q != gguf.Unknown {
		config["file_type"] = q
	}
	for key, value := range t.fields {
		config[key] = value
	}
	return config
}

// formatNumber formats a number of parameters as Ollama does: "7.6B", "361.82M", "1K".
func formatNumber(n int64) string {
	for _, unit := range [...]struct {
		size   float64
		digits int
		name   string
	}{{1e9, 1, "B"}, {1e6, 2, "M"}, {1e3, 0, "K"}} {
		if f := float64(n) / unit.size; f >= 1 {
			if f == math.Floor(f) {
				unit.digits = 0
			}
			return strconv.FormatFloat(f, 'f', unit.digits, 64) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}
