package detect

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// AmbiguousError reports that several kinds fit the files, and the user must choose. It wraps spec.ErrInvalid.
type AmbiguousError struct{ Candidates []Candidate }

// Candidate is a kind that fits, and the evidence for it.
type Candidate struct{ Kind, Evidence string }

// Error lists the kinds with their evidence.
func (e *AmbiguousError) Error() string {
	parts := make([]string, len(e.Candidates))
	for i, c := range e.Candidates {
		parts[i] = fmt.Sprintf("%s (%s)", c.Kind, c.Evidence)
	}
	return "more than one kind fits: " + strings.Join(parts, ", ")
}

// Unwrap returns ErrInvalid.
func (e *AmbiguousError) Unwrap() error { return spec.ErrInvalid }

// Detect makes a Spec of plain files and directories. The kind is the given one, or the one that the names and contents
// of the files show; the notes then name the evidence. If several kinds fit, the error is an *AmbiguousError. If none
// fits, the kind is generic, unless a file is broken and its name says that it belongs to a kind: that is an error.
func Detect(t *compose.Table, fsys fs.FS, paths []string, kind string) (*spec.Spec, []string, error) {
	samples, err := newSamples(fsys, paths)
	if err != nil {
		return nil, nil, err
	}
	if kind != "" {
		k, ok := t.Lookup(kind)
		switch {
		case declare.IsKindFile(kind):
			return &spec.Spec{Kind: kind, Layers: makeLayers(paths)}, nil, nil
		case !ok || k.ReadOnly:
			return nil, nil, t.Catalog().UnknownKind(kind)
		}
		return inKind(t, k, samples, paths)
	}
	files, _ := newFiles(t, fsys, samples) // a directory of hidden files is packed as generic
	chosen := files.choose(files.candidates())
	switch len(chosen) {
	case 0:
		if err := t.CheckClaims(expandDirectories(fsys, samples)); err != nil {
			return nil, nil, err
		}
		if len(samples) == 1 && samples[0].Info.Mode().IsRegular() {
			if err := roles.CheckDocument(samples[0]); err != nil {
				return nil, nil, err
			}
		}
		return &spec.Spec{Kind: "generic", Layers: makeLayers(paths)}, append([]string{noteGeneric(t, samples)}, nearMisses(t, samples)...), nil
	case 1:
		return files.declare(chosen[0])
	}
	return nil, nil, newAmbiguousError(chosen)
}

// noteGeneric names the files that no kind fits, and for pages in Markdown the kinds that take any page if the user names them.
func noteGeneric(t *compose.Table, samples []*tree.Sample) string {
	var names []string
	for _, s := range samples {
		names = append(names, shownName(s))
	}
	note := fmt.Sprintf("detected kind generic: no other fits %s; --kind sets another", textdist.FirstFew(names))
	if pages := kindsOfPages(t, samples); len(pages) > 0 {
		note += ", such as " + strings.Join(pages, " or ")
	}
	return note
}

// nearMisses returns a note for each directory that seems to be meant for a kind.
func nearMisses(t *compose.Table, samples []*tree.Sample) (notes []string) {
	for _, k := range t.Kinds {
		for _, l := range k.Layers {
			near := t.Tests[l.Content].Near
			if near == nil {
				continue
			}
			for _, s := range samples {
				if miss := near(s); miss != "" {
					notes = append(notes, fmt.Sprintf("%s %s: it is not of kind %s", shownName(s), miss, k.Name))
				}
			}
		}
	}
	return notes
}

// kindsOfPages returns the attached kinds that have a role for each of the files, as a page in Markdown.
func kindsOfPages(t *compose.Table, samples []*tree.Sample) (names []string) {
	for _, k := range t.Kinds {
		isPage := func(s *tree.Sample) bool {
			r, ok := t.FindRole(k, s, "")
			return ok && r.MediaType == "text/markdown" && !s.IsDir()
		}
		if k.Attached && !k.ReadOnly && !slices.ContainsFunc(samples, func(s *tree.Sample) bool { return !isPage(s) }) {
			names = append(names, k.Name)
		}
	}
	return names
}

// declare makes a Spec of the files of a kind. The notes name its evidence.
func (f *files) declare(m match) (*spec.Spec, []string, error) {
	if m.all != nil {
		m.used = m.all
	}
	declared, notes, err := f.makeSpec(m)
	return declared, slices.Concat([]string{fmt.Sprintf("detected kind %s: %s", m.kind.Name, m.evidence)}, notes), err
}

// makeSpec makes a Spec of the files of a directory that a kind takes, or of all the named files. Other files in the
// directory are left out, and Compose lists them.
func (f *files) makeSpec(m match) (*spec.Spec, []string, error) {
	declared := &spec.Spec{Kind: m.kind.Name}
	if !f.isDirectory() {
		declared.Layers = m.layers()
		return declared, nil, nil
	}
	dir := f.named[0].Path
	if err := f.checkRoom(m); err != nil {
		return nil, nil, err
	}
	selected, err := m.selectFiles(f.table, f.fsys, dir)
	if err != nil {
		return nil, nil, err
	}
	var notes []string
	for _, name := range selected.Left {
		notes = append(notes, fmt.Sprintf("%s: %s %s", m.kind.Name, name, selected.Why))
	}
	declared.Layers, declared.Dirs = m.layers(), []string{dir}
	return declared, notes, nil
}

// InKind makes a Spec of plain files and directories of a kind: a built-in one, or one that ParseKind returned.
func InKind(t *compose.Table, fsys fs.FS, paths []string, kind mediatypes.Kind) (*spec.Spec, error) {
	samples, err := newSamples(fsys, paths)
	if err != nil {
		return nil, err
	}
	declared, _, err := inKind(t, kind, samples, paths)
	if err == nil {
		declared.Own = &kind
	}
	return declared, err
}

// expandDirectories replaces each directory with its entries.
func expandDirectories(fsys fs.FS, samples []*tree.Sample) []*tree.Sample {
	var entries []*tree.Sample
	for _, s := range samples {
		if !s.IsDir() {
			entries = append(entries, s)
		} else if listed, err := listDirectory(fsys, s.Path); err == nil { // else it has only hidden files
			entries = append(entries, listed[1:]...)
		}
	}
	return entries
}

func newAmbiguousError(matches []match) error {
	e := &AmbiguousError{}
	for _, m := range matches {
		e.Candidates = append(e.Candidates, Candidate{m.kind.Name, m.evidence})
	}
	return e
}

// makeLayers returns a layer for each path. Inlined, it would add 5 KB to the program.
//
//go:noinline
func makeLayers(paths []string) []spec.LayerSpec {
	var layers []spec.LayerSpec
	for _, p := range paths {
		layers = append(layers, spec.LayerSpec{Path: p})
	}
	return layers
}

func newSamples(fsys fs.FS, paths []string) ([]*tree.Sample, error) {
	var samples []*tree.Sample
	var problems spec.Problems
	for _, p := range paths {
		name, problem := tree.Locate(fsys, p)
		if problem != "" {
			problems = append(problems, spec.Problem{Message: fmt.Sprintf("%q %s", p, problem)})
			continue
		}
		info, err := fs.Stat(fsys, name)
		if err != nil {
			problems = append(problems, spec.Problem{}.Unreadable(p, err))
			continue
		}
		samples = append(samples, &tree.Sample{FS: fsys, Path: name, Info: info})
	}
	if len(paths) == 0 {
		problems = spec.Problems{{Message: "no files to pack"}}
	}
	return samples, problems.Err()
}
