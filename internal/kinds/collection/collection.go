package collection

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/devcontainer"
	"github.com/davit-oci/davit/internal/kinds/feature"
	"github.com/davit-oci/davit/internal/kinds/template"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// member is a Feature or Template of a collection.
type member struct{ dir, kind string }

// findMembers lists the Features and Templates of a collection: those in the subdirectories of dir or, without any, in those of its
// src. It returns the directory that has them. Their number does not matter, nor the name of dir, which may be ".".
func findMembers(fsys fs.FS, dir string, exclude spec.Filter) (home string, found []member, err error) {
	for _, below := range [...]string{".", "src"} {
		home := path.Join(dir, below)
		entries, err := fs.ReadDir(fsys, home)
		if err != nil && below == "." {
			return dir, nil, err
		}
		for _, e := range entries {
			if _, out := roles.Excludes(exclude, path.Join(below, e.Name()), true); out {
				continue
			}
			for _, kind := range [...]string{"feature", "template"} {
				inner := path.Join(home, e.Name())
				if info, err := fs.Stat(fsys, path.Join(inner, devcontainer.File(kind))); err == nil && !info.IsDir() {
					found = append(found, member{inner, kind})
				}
			}
		}
		if len(found) > 0 {
			return home, found, nil
		}
	}
	return dir, nil, nil
}

// isCollection recognizes a directory of Features or Templates that is neither of them itself.
func isCollection(s *tree.Sample) (string, bool) {
	for _, kind := range [...]string{"feature", "template"} {
		if _, itself := devcontainer.HasFile(kind)(s); itself {
			return "", false
		}
	}
	_, found, err := findMembers(s.FS, s.Path, ignoreFilter(s.FS, s.Path))
	if err != nil || len(found) == 0 {
		return "", false
	}
	evidence := fmt.Sprintf("has a %s in %s", devcontainer.File(found[0].kind), strings.TrimPrefix(found[0].dir, s.Path+"/"))
	if len(found) > 1 {
		evidence += " and others beside it"
	}
	return evidence, true
}

// ignoreFilter returns a filter of .davitignore. It ignores errors, which composing reports.
func ignoreFilter(fsys fs.FS, dir string) spec.Filter {
	if filter, err := tree.IgnoreFilter(fsys, dir); err == nil {
		return roles.RelativeTo(dir, filter)
	}
	return nil
}

// selectHome replaces a directory by its src if that has the members. If there is only one, a note says how to pack it alone.
func selectHome(d *compose.Directory) (compose.Selection, error) {
	selected := compose.Selection{Paths: d.Found}
	if len(d.Found) == 1 {
		home, found, err := findMembers(d.FS, d.Found[0], ignoreFilter(d.FS, d.Found[0]))
		if err == nil && len(found) > 0 { // else it is a list
			selected.Paths = []string{home}
		}
		if err == nil && len(found) == 1 {
			selected.Left, selected.Why = []string{found[0].dir}, "is the only "+found[0].kind+"; name that directory to pack it alone"
		}
	}
	return selected, nil
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
	_, members, err := findMembers(fsys, l.Path, l.Exclude)
	if err != nil {
		return nil, err
	}
	complete := map[string]devcontainer.Complete{"feature": feature.Complete, "template": template.Complete}
	lists := map[string][]json.RawMessage{}
	var faults spec.Problems
	for _, m := range members {
		meta, err := devcontainer.Read(fsys, m.dir, m.kind)
		if err == nil {
			faults = append(faults, meta.File.Faults...)
			err = complete[m.kind](meta, fsys, &compose.Layer{Layer: spec.Layer{Path: m.dir}})
		}
		var own spec.Problems
		if errors.As(err, &own) {
			faults = append(faults, own...)
			continue
		}
		if err != nil {
			faults = append(faults, spec.Problem{File: m.dir, Message: err.Error()})
			continue
		}
		var former []string
		_ = json.Unmarshal(meta.Field("legacyIds"), &former) // a value of another type names no IDs
		d.Parts = append(d.Parts, compose.Part{
			Repositories: append([]string{meta.ID}, former...),
			Spec:         &spec.Spec{Kind: m.kind, Layers: []spec.LayerSpec{{Path: m.dir}}},
		})
		lists[m.kind+"s"] = append(lists[m.kind+"s"], json.RawMessage(meta.String()))
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
