package detect

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// inKind makes a Spec of plain files and directories of a kind that the user named. The kind takes each directory as one layer, or the files in
// it that have a role. Without such files, the error names what the kind expects.
func inKind(t *compose.Table, k mediatypes.Kind, samples []*tree.Sample, paths []string) (*spec.Spec, []string, error) {
	declared := &spec.Spec{Kind: k.Name}
	var notes []string
	for i, sample := range samples {
		if !sample.IsDir() || k.Expand || k.PerEntry && len(samples) > 1 { // of several, each is an entry
			declared.Layers = append(declared.Layers, spec.LayerSpec{Path: paths[i]})
			continue
		}
		if ignored, err := roles.IgnoreFileFilter(sample.FS, k, path.Dir(sample.Path)); err == nil && ignored != nil && ignored(sample.Path, true) {
			declared.Layers = append(declared.Layers, spec.LayerSpec{Path: paths[i]}) // composing it leaves it out
			continue
		}
		part, partNotes, err := declareDirectory(t, k, sample, paths[i])
		if err != nil {
			return nil, nil, err
		}
		declared.Layers = append(declared.Layers, part.Layers...)
		declared.Dirs = append(declared.Dirs, part.Dirs...)
		notes = append(notes, partNotes...)
	}
	return declared, notes, nil
}

// declareDirectory makes a Spec of a directory.
func declareDirectory(t *compose.Table, k mediatypes.Kind, dir *tree.Sample, name string) (*spec.Spec, []string, error) {
	if takesWhole(t, k, dir) {
		if only := findOnlyEntry(t, k, dir); only != nil && !only.IsDir() {
			return &spec.Spec{Layers: makeLayers([]string{only.Path})}, []string{fmt.Sprintf("%s: %s is the only file, and packed alone", k.Name, only.Path)}, nil
		} else if only != nil {
			return &spec.Spec{Layers: makeLayers([]string{only.Path})}, []string{fmt.Sprintf("%s: %s is the only directory, and its content is packed", k.Name, only.Path)}, nil
		}
		return &spec.Spec{Layers: makeLayers([]string{name})}, nil, nil
	}
	files, err := newFiles(t, dir.FS, []*tree.Sample{dir})
	if err != nil {
		return nil, nil, err
	}
	m := files.match(k)
	if m.evidence == "" && len(m.used) == 0 {
		return nil, nil, files.noneInKind(k)
	}
	return files.makeSpec(m)
}

// takesWhole reports whether a kind takes a directory as one layer. If some roles of the kind show it or are required, the role must be one of
// these.
func takesWhole(t *compose.Table, k mediatypes.Kind, dir *tree.Sample) bool {
	r, ok := t.FindRole(k, dir, "")
	if !ok || k.PerEntry {
		return false
	}
	return !slices.ContainsFunc(k.Layers, isMainType) ||
		slices.ContainsFunc(k.Layers, func(l mediatypes.LayerType) bool { return l.Role == r.Role && isMainType(l) })
}

// isMainType reports whether a layer type shows the kind, or the kind requires it.
func isMainType(l mediatypes.LayerType) bool { return l.Tells || l.Min > 0 }

// findOnlyEntry returns the only entry of a directory if the entry shows the kind: a directory by its name or content, such as _data of a
// volume, or a file at any depth, such as a runbook. Otherwise, it returns nil.
func findOnlyEntry(t *compose.Table, k mediatypes.Kind, dir *tree.Sample) *tree.Sample {
	names, err := listEntries(dir.FS, dir.Path)
	if err != nil || len(names) != 1 {
		return nil
	}
	entry, ok := dir.Entry(path.Base(names[0]))
	switch {
	case !ok:
		return nil
	case isNamedFor(t, k, entry) || isShownAlone(t, k, dir, entry):
		return entry
	case entry.IsDir():
		if below := findOnlyEntry(t, k, entry); below != nil && !below.IsDir() {
			return below
		}
	}
	return nil
}

// isShownAlone reports whether an entry of a directory shows a kind by its content, and the directory does not.
func isShownAlone(t *compose.Table, k mediatypes.Kind, dir, entry *tree.Sample) bool {
	r, ok := t.FindRole(k, entry, "")
	whole, _ := t.FindRole(k, dir, "")
	return ok && r.Tells && r.Content != "" && !whole.Tells
}

// isNamedFor reports whether a directory shows a kind only by its name. Such a directory is evidence only if nothing is beside it, not even a
// hidden file, because it may belong to anything else.
func isNamedFor(t *compose.Table, k mediatypes.Kind, entry *tree.Sample) bool {
	r, ok := t.FindRole(k, entry, "")
	return ok && entry.IsDir() && r.Tells && r.Content == ""
}

// checkRoom returns an error that names the files of a role if a kind does not take all of them: only the user can decide which to leave out.
func (f *files) checkRoom(m match) error {
	role, several := f.findCrowded(m)
	if role == "" {
		return nil
	}
	return &spec.Error{Err: spec.Invalid(fmt.Errorf("kind %q takes one %s, and the directory has several: %s", m.kind.Name, role, textdist.FirstFew(several))),
		Hint: "name the one to pack; kind generic packs all of them as they are"}
}

// findCrowded returns a role with more files than the kind takes, and these files, sorted.
func (f *files) findCrowded(m match) (role string, several []string) {
	names := slices.Concat(m.used, m.surplus)
	if m.all != nil {
		names = m.all
	}
	if m.kind.Expand || f.hasRoom(m.kind, names) {
		return "", nil
	}
	byRole := map[string][]string{}
	for _, name := range names {
		role := findRole(f.table, m.kind, f.fsys, name)
		byRole[role] = append(byRole[role], name)
	}
	for _, role := range m.kind.Roles() {
		if _, most := roles.Bounds(m.kind, role); most > 0 && len(byRole[role]) > most {
			slices.Sort(byRole[role])
			return role, byRole[role]
		}
	}
	return "", nil
}

// noneInKind returns the error for a directory without a file that has a role in the kind. If a file has the name of the kind, the error describes
// the fault of the file.
func (f *files) noneInKind(k mediatypes.Kind) error {
	for _, entry := range f.entries {
		if fault := f.table.ClaimFault(k, entry); fault != nil && !entry.IsDir() {
			return &spec.Error{Err: spec.Invalid(fmt.Errorf("%q has the name of kind %q, but %w", entry.Path, k.Name, fault)), Hint: f.table.Expected(k, "")}
		}
	}
	return &spec.Error{Item: k.Name, Err: spec.Invalid(errors.New("no file here has a role in this kind")), Hint: f.table.Expected(k, "")}
}
