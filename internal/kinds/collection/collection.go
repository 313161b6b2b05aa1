package collection

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/kinds/devcontainer"
	"github.com/davit-oci/davit/internal/kinds/feature"
	"github.com/davit-oci/davit/internal/kinds/template"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// isCollection recognizes a directory with several features or templates. A directory with only one is not a collection unless
// the kind is declared: the feature or template itself is packed.
func isCollection(s *tree.Sample) (string, bool) {
	evidence := ""
	for _, name := range s.Names() {
		for _, kind := range [...]string{"feature", "template"} {
			inner, ok := s.Entry(path.Join(name, devcontainer.File(kind)))
			switch {
			case !ok || inner.IsDir():
			case evidence != "":
				return evidence + " and others beside it", true
			default:
				evidence = fmt.Sprintf("has a %s in %s", devcontainer.File(kind), name)
			}
		}
	}
	return "", false
}

// derive makes the list of the features or templates in a directory, or uses an existing list unchanged.
func derive(d *compose.Draft) (configblob.Finish, error) {
	if len(d.Layers) != 1 {
		return nil, nil // reported elsewhere
	}
	l := d.Layers[0]
	if l.Dir {
		list, err := listCollection(d, l)
		var faults spec.Problems
		if errors.As(err, &faults) {
			d.Report(faults...)
			return nil, nil
		}
		if err != nil {
			item := l.Path
			if item == "." {
				item = cmp.Or(d.Spec.Dir, item)
			}
			return nil, &spec.Error{Item: item, Err: err, Hint: hintElsewhere(d, l)}
		}
		l.Layer = spec.Layer{Path: l.Path, Content: list, Role: l.Role, MediaType: mediatypes.DevContainerCollection,
			Packing: mediatypes.Raw, Size: int64(len(list)), Annotations: l.Annotations}
	} else if err := checkCollection(d, l); err != nil {
		return nil, &spec.Error{Item: l.Path, Err: err}
	}
	l.Title = "devcontainer-collection.json"
	d.Tags = []string{"latest"}
	return configblob.Constant(struct{}{})
}

// hintElsewhere returns a hint that names a subdirectory with features or templates, or "" if it finds none or if the directory itself
// has some.
func hintElsewhere(d *compose.Draft, l *compose.Layer) string {
	for _, depth := range [...]string{"*", "*/*", "*/*/*", "*/*/*/*"} {
		for _, kind := range [...]string{"feature", "template"} {
			found, err := fs.Glob(d.FS, path.Join(l.Path, depth, devcontainer.File(kind)))
			switch {
			case err != nil || len(found) == 0:
			case depth == "*": // the directory itself has some
				return ""
			default:
				return fmt.Sprintf("%s has some: name that directory", path.Dir(path.Dir(found[0])))
			}
		}
	}
	return ""
}

// checkCollection checks an existing list.
func checkCollection(d *compose.Draft, l *compose.Layer) error {
	data, err := tree.ReadFile(d.FS, l.Path, tree.MaxSmallFile)
	if err != nil {
		return err
	}
	var list struct{ Features, Templates []json.RawMessage }
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	if len(list.Features)+len(list.Templates) == 0 {
		return errors.New("it lists neither features nor templates")
	}
	return nil
}

// listCollection returns the list of the features or templates in a directory, and adds each to the parts of the artifact.
func listCollection(d *compose.Draft, l *compose.Layer) ([]byte, error) {
	fsys := d.FS
	entries, err := fs.ReadDir(fsys, l.Path)
	if err != nil {
		return nil, err
	}
	complete := map[string]devcontainer.Complete{"feature": feature.Complete, "template": template.Complete}
	lists := map[string][]json.RawMessage{}
	var faults spec.Problems
	for _, e := range entries {
		for _, kind := range [...]string{"feature", "template"} {
			dir := path.Join(l.Path, e.Name())
			if _, err := fs.Stat(fsys, path.Join(dir, devcontainer.File(kind))); err != nil || l.Exclude != nil && l.Exclude(e.Name(), true) {
				continue
			}
			meta, err := devcontainer.Read(fsys, dir, kind)
			if err == nil {
				faults = append(faults, meta.File.Faults...)
				err = complete[kind](meta, fsys, &compose.Layer{Layer: spec.Layer{Path: dir}})
			}
			var own spec.Problems
			if errors.As(err, &own) {
				faults = append(faults, own...)
				continue
			}
			if err != nil {
				faults = append(faults, spec.Problem{File: dir, Message: err.Error()})
				continue
			}
			var former []string
			_ = json.Unmarshal(meta.Field("legacyIds"), &former) // a value of another type names no IDs
			d.Parts = append(d.Parts, compose.Part{
				Repositories: append([]string{meta.ID}, former...),
				Spec:         &spec.Spec{Kind: kind, Layers: []spec.LayerSpec{{Path: dir}}},
			})
			lists[kind+"s"] = append(lists[kind+"s"], json.RawMessage(meta.String()))
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	if len(lists) != 1 {
		d.Parts = nil
		if len(lists) > 1 {
			return nil, errors.New("it has features and templates: a collection has only one of them")
		}
		return nil, errors.New("it has neither features nor templates, each in a directory: NAME/devcontainer-feature.json or NAME/devcontainer-template.json")
	}
	collection := map[string]any{"sourceInformation": map[string]any{"source": "davit"}}
	for key, list := range lists {
		collection[key] = list
	}
	return configblob.Encode(collection)
}
