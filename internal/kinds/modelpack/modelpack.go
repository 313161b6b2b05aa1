package modelpack

import (
	"bytes"
	"errors"
	"path"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/kinds/model/listing"
	"github.com/davit-oci/davit/internal/kinds/model/survey"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// derive makes the config from the weights, the Modelfile if there is one, and the declaration.
func derive(d *compose.Draft) (configblob.Finish, error) {
	if listing.RefuseBroken(d) {
		return nil, nil // reported as problems
	}
	derived := map[string]any{"descriptor": map[string]any{}, "config": map[string]any{}}
	if isOwn, err := takeModelfile(d, derived); err != nil {
		return nil, err
	} else if !isOwn {
		if err := listing.Take(d, nil, listing.Kitfiles...); err != nil {
			return nil, err
		}
	}
	if len(d.Layers) == 0 {
		return nil, errors.New("no model files")
	}
	found := weightset.Find(d, "weights")
	if len(found.Faults) > 0 {
		return nil, nil // reported as problems
	}
	assign(d, found)
	if _, own := d.Annotations[mediatypes.ModelPackModelfile]; !own && len(d.WithRole("weights"))+len(d.WithRole("code"))+len(d.WithRole("dataset")) == 0 {
		return nil, errors.New("no model, code, or dataset among the files; modctl packs such files only with a Modelfile")
	}
	facts, err := readWeightFacts(d, found)
	if err != nil {
		return nil, err
	}
	descriptor := modelDescriptor(d)
	if family := facts["architecture"]; family != nil {
		descriptor["family"] = family // as docker model package writes it
	}
	takeCard(d, facts, descriptor)
	config := d.Overlay(configblob.Merge(map[string]any{"config": facts, "descriptor": descriptor}, derived))
	weightset.TitleFiles(d)
	weightset.SetPaths(d)
	for _, l := range d.Layers {
		if l.Packing != mediatypes.Raw { // modctl reads the path of the file from the tar only
			l.Prefix = weightset.PrefixOf(path.Dir(l.Annotations[mediatypes.ModelPath]))
		}
	}
	return func(layers []spec.Packed) (spec.Finished, error) {
		whole := configblob.Merge(config, map[string]any{"modelfs": map[string]any{"type": "layers", "diffIds": configblob.DiffIDs(layers)}})
		encoded, err := configblob.Encode(whole)
		return spec.Finished{Config: encoded}, err
	}, nil
}

// modelDescriptor returns the fields of the config's descriptor that the declaration sets.
func modelDescriptor(d *compose.Draft) map[string]any {
	fields := map[string]any{}
	if d.Spec.Name != "" {
		fields["name"] = d.Spec.Name
	}
	if d.Spec.Version != "" {
		fields["version"] = d.Spec.Version
	}
	if !d.Created.IsZero() {
		fields["createdAt"] = d.Created.UTC().Format(time.RFC3339)
	}
	return fields
}

// assign sets the role of each file, unless the declaration or a Modelfile sets it.
func assign(d *compose.Draft, found *weightset.Parts) {
	_, own := d.Annotations[mediatypes.ModelPackModelfile]
	for _, l := range d.Layers {
		if own || l.Declared.As != "" {
			continue
		}
		switch part := found.Part(l); {
		case part.IsWeights():
			d.Assign(l, "weights", "")
		case part == survey.Imatrix:
			d.Assign(l, "config", "")
		case slices.Contains(l.Type.Match, "*"):
			assignUnknown(d, l)
		}
	}
	found.SortWeights(d, "weights")
	found.AddNotes(d, false)
}

// assignUnknown sets the role of a file whose name does not determine it. As in modctl, a large file is weights, and a small
// one is code unless it is text.
func assignUnknown(d *compose.Draft, l *compose.Layer) {
	const large = 128_000_000
	switch {
	case l.Dir || len(l.Files) > 1:
	case l.Info.Size() > large:
		d.Assign(l, "weights", "")
	case !isText(d, l):
		d.Assign(l, "code", "")
	}
}

// isText reports whether the first KiB of a file is text in UTF-8.
func isText(d *compose.Draft, l *compose.Layer) bool {
	head, err := tree.ReadStart(d.FS, l.Source(), 1<<10)
	if err != nil || bytes.ContainsRune(head, 0) {
		return false
	}
	for range utf8.UTFMax { // the last character may be cut
		if utf8.Valid(head) {
			return true
		}
		head = head[:len(head)-1]
	}
	return false
}

// readWeightFacts reads format, architecture, size, and quantization from weights of known formats.
func readWeightFacts(d *compose.Draft, found *weightset.Parts) (map[string]any, error) {
	read, err := found.Facts(d)
	if err != nil {
		return nil, err
	}
	facts := map[string]any{}
	for key, from := range map[string]string{"format": "format", "architecture": "architecture", "paramSize": "parameters", "quantization": "quantization"} {
		if text, ok := read[from].(string); ok {
			facts[key] = text
		}
	}
	return facts, nil
}

// takeCard adds the licenses and languages of the model card to the config's descriptor and facts.
func takeCard(d *compose.Draft, facts, descriptor map[string]any) {
	card := weightset.TakeCard(d)
	if len(card.Licenses) > 0 {
		descriptor["licenses"] = card.Licenses
	}
	if len(card.Languages) > 0 {
		facts["capabilities"] = map[string]any{"languages": card.Languages}
	}
}

// takeModelfile replaces the layers with the files that the Modelfile names, adds its fields to config, and keeps its text in an
// annotation, as modctl does. A Modelfile in a subdirectory is a document. found reports whether there is a Modelfile.
func takeModelfile(d *compose.Draft, config map[string]any) (found bool, err error) {
	var by *compose.Layer
	for _, l := range d.WithRole("modelfile") {
		if by == nil && listing.Governs(d, l) {
			by = l
		} else {
			d.Assign(l, "doc", "")
		}
	}
	if by == nil {
		return false, nil
	}
	m, err := listing.ReadModelfile(d, by)
	if err != nil {
		return true, err
	}
	d.Annotations[mediatypes.ModelPackModelfile] = m.Text
	d.CheckNamed(m.Fields["NAME"], "", by.Source())
	inner, descriptor := config["config"].(map[string]any), config["descriptor"].(map[string]any)
	for command, into := range map[string]struct {
		object map[string]any
		key    string
	}{
		"NAME": {descriptor, "name"}, "FAMILY": {descriptor, "family"}, "ARCH": {inner, "architecture"}, "FORMAT": {inner, "format"},
		"PARAMSIZE": {inner, "paramSize"}, "PRECISION": {inner, "precision"}, "QUANTIZATION": {inner, "quantization"},
	} {
		if value := m.Fields[command]; value != "" {
			into.object[into.key] = value
		}
	}
	return true, m.Apply(d, by)
}
