package modelkit

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/model/listing"
	"github.com/davit-oci/davit/internal/kinds/model/survey"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// kitRoles are the roles of Kitfile elements, by the list that has the element.
var kitRoles = map[string]string{"model": "model", "parts": "modelpart", "code": "code", "datasets": "dataset", "docs": "docs", "prompts": "code", "mcpServers": "mcp"}

// kitElement is an element of the Kitfile and its layer. In the config, the element has the digests of the layer.
type kitElement struct {
	fields map[string]any
	role   string
	title  string // of its layer
	prompt bool   // kit stores prompts as code and marks them
	from   listing.Element
}

// derive makes the config, a Kitfile as JSON. If a layer is a Kitfile, the files that it names replace the layers. Otherwise, the
// Kitfile is generated from the layers.
func derive(d *compose.Draft) (configblob.Finish, error) {
	if listing.RefuseBroken(d) {
		return nil, nil // reported as problems
	}
	declared := d.Layers
	kitfile, source, by, err := takeKitfile(d)
	if err != nil || by == nil && len(d.Layers) == 0 {
		return nil, err
	}
	var elements []kitElement
	if by == nil {
		if err := listing.Take(d, modelfileRoles, "Modelfile"); err != nil {
			return nil, err
		}
		found := weightset.Find(d, "model")
		if len(found.Faults) > 0 {
			return nil, nil // reported as problems
		}
		if err := checkWeights(d, found); err != nil {
			return nil, err
		}
		card := weightset.TakeCard(d)
		if about, ok := kitfile["package"].(map[string]any); ok && card.License() != "" && about["license"] == nil {
			about["license"] = card.License()
		}
		elements = addElements(d, found, kitfile)
	} else if elements, err = makeLayers(d, kitfile, source, by); err != nil {
		return nil, err
	} else {
		d.DropUnnamed(by.Path, declared)
		found := weightset.Find(d, "model")
		if len(found.Faults) > 0 {
			return nil, nil // reported as problems
		}
		if err := checkWeights(d, found); err != nil {
			return nil, err
		}
	}
	return func(layers []spec.Packed) (spec.Finished, error) {
		for _, e := range elements {
			at := slices.IndexFunc(layers, func(l spec.Packed) bool { return l.Title == e.title })
			if at < 0 {
				return spec.Finished{}, fmt.Errorf("no layer holds %q of the Kitfile", e.title)
			}
			e.fields["digest"], e.fields["diffId"] = layers[at].Descriptor.Digest, layers[at].DiffID
		}
		encoded, err := configblob.Encode(kitfile)
		return spec.Finished{Config: encoded}, err
	}, nil
}

// checkWeights checks the weights of the model. Missing shards are an error. Weights that can't be read cause a warning, because
// kit packs any file.
func checkWeights(d *compose.Draft, found *weightset.Parts) error {
	warnings := d.Warnings
	_, err := found.Facts(d)
	d.Warnings = warnings // about facts that a ModelKit does not have
	if incomplete := (*weightset.IncompleteError)(nil); err == nil || errors.As(err, &incomplete) {
		return err
	}
	d.Warnings = append(d.Warnings, err.Error())
	return nil
}

// takeKitfile removes the Kitfile and all other layers, and returns the Kitfile's content merged with davit.yaml, the positions
// in it, and its layer by. Without a Kitfile, it keeps the layers and returns the fields of davit.yaml and a nil by.
func takeKitfile(d *compose.Draft) (kitfile map[string]any, source *spec.Source, by *compose.Layer, err error) {
	about := map[string]any{}
	for key, value := range map[string]string{"name": d.Spec.Name, "version": d.Spec.Version} {
		if value != "" {
			about[key] = value
		}
	}
	kitfile = map[string]any{"manifestVersion": "1.0.0", "package": about}
	i := slices.IndexFunc(d.Layers, func(l *compose.Layer) bool { return l.Role == "kitfile" })
	if i < 0 {
		return d.Overlay(kitfile), nil, nil, nil
	}
	by = d.Layers[i]
	d.Layers, d.LeftOut = nil, nil
	declared, source, err := listing.ReadKitfile(d, by)
	if err != nil {
		return nil, nil, by, err
	}
	if own, ok := declared["package"].(map[string]any); ok {
		name, _ := own["name"].(string)
		version, _ := own["version"].(string)
		d.CheckNamed(name, version, by.Path)
	}
	return d.Overlay(configblob.Merge(kitfile, declared)), source, by, nil
}

// makeLayers adds a layer for each element of a Kitfile, in kit's order: model, parts, code, datasets, docs.
func makeLayers(d *compose.Draft, kitfile map[string]any, source *spec.Source, by *compose.Layer) ([]kitElement, error) {
	elements, err := listElements(kitfile, source)
	if err != nil {
		return nil, err
	}
	if len(elements) == 0 {
		return nil, spec.Problem{File: by.Path, Message: "names no files", Hint: "add a model with a path"}
	}
	var faults spec.Problems
	seen := map[string]bool{}
	for _, e := range elements {
		err := e.from.Refuse("", "names %q twice", e.title)
		if !seen[e.title] {
			err = makeLayer(d, e, by, elements)
		}
		seen[e.title] = true
		if err := faults.Collect(err); err != nil {
			return nil, err
		}
	}
	return elements, faults.Err()
}

// listElements lists the elements of a Kitfile that have a path.
func listElements(kitfile map[string]any, source *spec.Source) ([]kitElement, error) {
	var elements []kitElement
	listed, err := listing.Elements(kitfile, source)
	for _, of := range listed {
		e := newKitElement(of.Fields, kitRoles[of.List])
		e.prompt, e.from = of.List == "prompts", of
		elements = append(elements, e)
	}
	return elements, err
}

// modelfileRoles are the roles in a ModelKit, by the role in a Modelfile.
var modelfileRoles = map[string]string{listing.Weights: "model", listing.Config: "modelpart", listing.Code: "code", listing.Dataset: "dataset", listing.Doc: "docs"}

// newKitElement returns an element with a path. The title of its layer is the path, or the role if the path is the whole
// directory.
func newKitElement(fields map[string]any, role string) kitElement {
	title := path.Clean(fields["path"].(string))
	if title == "." {
		title = role
	}
	return kitElement{fields: fields, role: role, title: title}
}

// makeLayer adds the layer of one element. by is the layer of the Kitfile, and all are its elements.
func makeLayer(d *compose.Draft, e kitElement, by *compose.Layer, all []kitElement) error {
	declared := e.fields["path"].(string)
	name, info, err := e.from.Locate(d.FS, path.Dir(by.Path))
	if err != nil {
		return err
	}
	if d.Ignores(by, name, info.IsDir()) {
		return e.from.Refuse("kit would not pack it: remove it from the Kitfile, or from "+d.Kind.IgnoreFile, "names %q, which %s leaves out", declared, d.Kind.IgnoreFile)
	}
	t, _ := d.Kind.Role(e.role)
	within := path.Clean(declared)
	l := spec.Layer{Path: path.Dir(name), Files: []string{name}, Role: e.role, Title: e.title, Packing: t.Packed(), MediaType: t.MediaType, Size: -1,
		Entries: spec.Entries{Prefix: weightset.PrefixOf(path.Dir(within))}}
	if info.IsDir() {
		l.Path, l.Files, l.Dir, l.Prefix = name, nil, true, weightset.PrefixOf(within)
		if l.Exclude, err = d.FilterBelow(by, name, otherPaths(by, within, all)); err != nil {
			return err
		}
	}
	if e.prompt {
		l.Annotations = map[string]string{mediatypes.ModelKitSubtype: "prompt"}
	}
	d.Layers = append(d.Layers, &compose.Layer{Layer: l, Type: roles.Role{LayerType: t}, Info: info, At: by.At})
	return nil
}

// otherPaths lists the paths of all elements of a Kitfile except the one at within. The layer of a directory leaves them out.
func otherPaths(by *compose.Layer, within string, all []kitElement) []string {
	var others []string
	for _, element := range all {
		if name := path.Clean(element.fields["path"].(string)); name != within {
			others = append(others, path.Join(path.Dir(by.Path), name))
		}
	}
	return others
}

// addElements adds elements to a generated Kitfile for the layers that were declared one by one, and returns them. The first
// file of the model is the path of the model, and the other weights are its parts.
func addElements(d *compose.Draft, found *weightset.Parts, kitfile map[string]any) []kitElement {
	keys := map[string]string{"dataset": "datasets", "docs": "docs", "code": "code", "modelpart": "parts", "mcp": "mcpServers"}
	model, _ := kitfile["model"].(map[string]any)
	model = maps.Clone(model)
	if model == nil {
		model = map[string]any{}
	}
	var elements []kitElement
	weightset.TitleFiles(d)
	assign(d, found)
	for _, l := range d.Layers {
		l.Prefix = weightset.PrefixOf(path.Dir(l.Title))
		if l.Dir {
			l.Prefix = weightset.PrefixOf(l.Title)
		}
		fields := map[string]any{"path": l.Title}
		switch key := keys[l.Role]; l.Role {
		case "model":
			model["path"], fields = l.Title, model
		case "modelpart":
			parts, _ := model[key].([]any)
			model[key] = append(parts, fields)
		default:
			list, _ := kitfile[key].([]any)
			kitfile[key] = append(list, fields)
		}
		elements = append(elements, kitElement{fields: fields, role: l.Role, title: l.Title})
	}
	if len(model) > 0 {
		kitfile["model"] = model
	}
	return elements
}

// assign sets the role of the model's first file to model, and that of all other weights to modelpart. Before that, it moves
// weights out of directories.
func assign(d *compose.Draft, found *weightset.Parts) {
	splitDirectories(d, found)
	for _, l := range d.Layers {
		if l.Dir && l.Role == "code" && l.Declared.As == "" {
			d.Assign(l, directoryRole(d, l), "")
		}
		switch part := found.Part(l); {
		case l.Declared.As != "":
		case part == survey.Imatrix:
			d.Assign(l, "modelpart", "")
		case part.IsWeights():
			d.Assign(l, "model", "")
		}
	}
	found.SortWeights(d, "model")
	for i, l := range d.WithRole("model") {
		if i > 0 {
			d.Assign(l, "modelpart", "")
		}
	}
	found.SortWeights(d, "modelpart")
	found.AddNotes(d, false)
}

// directoryRole returns the role of a directory. It is docs or dataset if all of its files have that role, not counting configs,
// and docs if the directory has that name. Any other directory is code, as for kit init.
func directoryRole(d *compose.Draft, l *compose.Layer) string {
	if base := path.Base(l.Path); base == "docs" || slices.Contains(codeDirs, base) {
		return map[bool]string{true: "docs", false: "code"}[base == "docs"]
	}
	below, err := tree.FilesBelow(d.FS, &l.Layer)
	role := "code"
	for _, name := range below {
		own := "code"
		switch {
		case strings.Contains(name, "/"):
		case matches(d, "modelpart", name):
			continue
		case matches(d, "dataset", name):
			own = "dataset"
		case roles.Matches(mediatypes.LayerType{Match: weightset.DocFiles}, name, false):
			own = "docs"
		}
		if own == "code" || role != "code" && role != own || err != nil {
			return "code"
		}
		role = own
	}
	return role
}

// codeDirs are the names of directories that kit init packs as code, whatever their files.
var codeDirs = []string{"src", "pkg", "lib", "build"}

// splitDirectories moves weights out of directories that are packed as code into separate layers, as kit init does. If only
// configs remain in a directory, it splits them off too.
func splitDirectories(d *compose.Draft, found *weightset.Parts) {
	var all []*compose.Layer
	declared := d.Layers
	for _, l := range declared {
		if !l.Dir || l.Role != "code" || l.Declared.As != "" {
			all = append(all, l)
			continue
		}
		inside := weightsIn(d, found, l)
		if len(inside) == 0 {
			all = append(all, l)
			continue
		}
		d.Layers = nil
		for _, name := range inside {
			d.AddFile(l, name, "model")
		}
		exclude := l.Exclude
		l.Exclude = func(name string, isDir bool) bool {
			return slices.Contains(inside, path.Join(l.Path, name)) || exclude != nil && exclude(name, isDir)
		}
		switch rest, err := tree.FilesBelow(d.FS, &l.Layer); {
		case err != nil || slices.ContainsFunc(rest, func(name string) bool { return !matches(d, "modelpart", name) }):
			d.Layers = append(d.Layers, l)
		default:
			for _, name := range rest {
				d.AddFile(l, path.Join(l.Path, name), "modelpart")
			}
		}
		all = append(all, d.Layers...)
	}
	d.Layers = all
	weightset.TitleFiles(d)
}

// weightsIn lists the weights in a directory: those that the survey found and, unless the directory has a name in codeDirs, those
// that match WeightFiles.
func weightsIn(d *compose.Draft, found *weightset.Parts, l *compose.Layer) []string {
	inside := found.WeightsIn(l)
	if slices.Contains(codeDirs, path.Base(l.Path)) {
		return inside
	}
	below, err := tree.FilesBelow(d.FS, &l.Layer)
	if err != nil {
		return inside // reported when it is packed
	}
	for _, name := range below {
		if matches(d, "model", name) {
			inside = append(inside, path.Join(l.Path, name))
		}
	}
	return lists.Unique(inside)
}

// matches reports whether a file name matches the patterns of a role.
func matches(d *compose.Draft, role, name string) bool {
	t, _ := d.Kind.Role(role)
	return roles.Matches(t, name, false)
}
