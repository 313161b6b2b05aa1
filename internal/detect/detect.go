package detect

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// AmbiguousError reports that several kinds fit the files, and a person has to choose. errors.Is(err, ErrInvalid) holds.
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
// of the files show; the notes then state the evidence. If several kinds fit, the error is an *AmbiguousError. If none
// fits, the kind is generic, unless a file is broken and its name says that it belongs to a kind: that is an error.
func Detect(t *compose.Table, fsys fs.FS, paths []string, kind string) (*spec.Spec, []string, error) {
	samples, err := samplesOf(fsys, paths)
	if err != nil {
		return nil, nil, err
	}
	if kind != "" {
		k, ok := t.Lookup(kind)
		if !ok && !declare.IsKindFile(kind) {
			return nil, nil, t.Catalog().UnknownKind(kind)
		}
		layers := layersOf(paths)
		if ok {
			layers, err = inKind(t, k, samples, paths)
		}
		return &spec.Spec{Kind: kind, Layers: layers}, nil, err
	}
	files, _ := filesOf(t, fsys, samples) // a directory of hidden files is packed as generic
	chosen := files.choose(files.candidates())
	switch len(chosen) {
	case 0:
		if err := t.CheckClaims(entriesOf(fsys, samples)); err != nil {
			return nil, nil, err
		}
		return &spec.Spec{Kind: "generic", Layers: layersOf(paths)}, []string{"generic: nothing in the files tells another kind"}, nil
	case 1:
		return files.declare(chosen[0])
	}
	return nil, nil, ambiguous(chosen)
}

// declare makes a Spec of the files of a kind. The notes name its evidence and the files that are left out.
func (f *files) declare(m match) (*spec.Spec, []string, error) {
	left := m.unused
	if m.all != nil {
		m.used, left = m.all, nil
	}
	notes := []string{m.kind.Name + ": " + m.evidence}
	if f.isDirectory() {
		settled, err := m.settle(f.table, f.fsys, f.named[0].Path)
		if err != nil {
			return nil, nil, err
		}
		for _, name := range settled.Left {
			notes = append(notes, fmt.Sprintf("%s: %s %s", m.kind.Name, name, settled.Why))
		}
	}
	for _, l := range left {
		if !slices.Contains(m.used, l) {
			notes = append(notes, fmt.Sprintf("%s: %s plays no role in this kind and is left out", m.kind.Name, l))
		}
	}
	return &spec.Spec{Kind: m.kind.Name, Layers: m.layers()}, notes, nil
}

// InKind makes a Spec of plain files and directories of a kind: a built-in one, or one that ParseKind returned.
func InKind(t *compose.Table, fsys fs.FS, paths []string, kind mediatypes.Kind) (*spec.Spec, error) {
	samples, err := samplesOf(fsys, paths)
	if err != nil {
		return nil, err
	}
	layers, err := inKind(t, kind, samples, paths)
	return &spec.Spec{Kind: kind.Name, Layers: layers, Settings: spec.Settings{Own: &kind}}, err
}

// entriesOf replaces each directory by its entries.
func entriesOf(fsys fs.FS, samples []*tree.Sample) []*tree.Sample {
	var entries []*tree.Sample
	for _, s := range samples {
		if !s.IsDir() {
			entries = append(entries, s)
		} else if listed, err := list(fsys, s.Path); err == nil { // else it has nothing but hidden files
			entries = append(entries, listed[1:]...)
		}
	}
	return entries
}

// inKind lists the paths that play a role in a kind, and the files of a directory that the kind does not take as a whole.
func inKind(t *compose.Table, k mediatypes.Kind, samples []*tree.Sample, paths []string) ([]spec.LayerSpec, error) {
	var all []spec.LayerSpec
	for i, sample := range samples {
		r, ok := t.FindRole(k, sample, "")
		if !sample.IsDir() || k.Expand || ok && r.Tells {
			all = append(all, spec.LayerSpec{Path: paths[i]})
			continue
		}
		files, err := filesOf(t, sample.FS, samples[i:i+1])
		if err != nil {
			return nil, err
		}
		m := files.find(k)
		if _, err := m.settle(t, sample.FS, sample.Path); err != nil {
			return nil, err
		}
		switch {
		case m.evidence != "", k.PerEntry && len(m.used) > 0:
			all = append(all, m.layers()...)
		case ok || slices.ContainsFunc(k.Layers, roles.ForDirectories):
			all = append(all, spec.LayerSpec{Path: paths[i]})
		case len(m.used) > 0:
			all = append(all, m.layers()...)
		default:
			return nil, noneInKind(t, k)
		}
	}
	return all, nil
}

// noneInKind says that a directory has nothing for a kind.
func noneInKind(t *compose.Table, k mediatypes.Kind) error {
	return &spec.Error{Item: k.Name, Err: spec.Invalid(errors.New("no file here plays a role in this kind")), Hint: t.Expected(k, "")}
}

func ambiguous(matches []match) error {
	e := &AmbiguousError{}
	for _, m := range matches {
		e.Candidates = append(e.Candidates, Candidate{m.kind.Name, m.evidence})
	}
	return e
}

func layersOf(paths []string) []spec.LayerSpec {
	var layers []spec.LayerSpec
	for _, p := range paths {
		layers = append(layers, spec.LayerSpec{Path: p})
	}
	return layers
}

func samplesOf(fsys fs.FS, paths []string) ([]*tree.Sample, error) {
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
		problems = spec.Problems{{Message: "there are no files to pack"}}
	}
	return samples, problems.Err()
}
