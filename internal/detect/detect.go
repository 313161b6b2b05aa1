package detect

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// maxDetect bounds how many files of a directory are looked into to tell its kind, for each kind.
const maxDetect = 2000

// AmbiguousError says that several kinds fit the files, so that somebody has to choose. errors.Is(err, ErrInvalid).
type AmbiguousError struct{ Candidates []Candidate }

// Candidate is a kind that fits, and what speaks for it.
type Candidate struct{ Kind, Evidence string }

// Error lists the kinds with their evidence.
func (e *AmbiguousError) Error() string {
	parts := make([]string, len(e.Candidates))
	for i, c := range e.Candidates {
		parts[i] = fmt.Sprintf("%s (%s)", c.Kind, c.Evidence)
	}
	return "more than one kind fits: " + strings.Join(parts, ", ")
}

// Unwrap gives ErrInvalid.
func (e *AmbiguousError) Unwrap() error { return spec.ErrInvalid }

// Detect makes a Spec of plain files and directories. The kind is the given one, or that which the files tell by name
// or content; then the notes say by what evidence. Where two kinds fit, the error is an *AmbiguousError; where none
// does, the kind is generic; but a file that is broken, and by its name one of some kind, is an error then.
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
			layers, err = inKind(t, k, fsys, samples, paths)
		}
		return &spec.Spec{Kind: kind, Layers: layers}, nil, err
	}
	fits, left, err := fits(t, fsys, samples)
	switch {
	case err != nil:
		return nil, nil, err
	case len(fits) == 0:
		if err := t.CheckClaims(entriesOf(t, fsys, samples)); err != nil {
			return nil, nil, err
		}
		return &spec.Spec{Kind: "generic", Layers: layersOf(paths)}, []string{"generic: nothing in the files tells another kind"}, nil
	case len(fits) > 1:
		return nil, nil, ambiguous(fits)
	}
	f := fits[0]
	notes := []string{f.kind.Name + ": " + f.evidence}
	if len(samples) == 1 && samples[0].IsDir() {
		settled, err := settle(t, &f, fsys, samples[0].Path)
		if err != nil {
			return nil, nil, err
		}
		for _, name := range settled.Left {
			notes = append(notes, fmt.Sprintf("%s: %s %s", f.kind.Name, name, settled.Why))
		}
	}
	for _, l := range left {
		if !slices.Contains(f.paths, l) {
			notes = append(notes, fmt.Sprintf("%s: %s plays no role in this kind and is left out", f.kind.Name, l))
		}
	}
	return &spec.Spec{Kind: f.kind.Name, Layers: f.layers()}, notes, nil
}

// InKind makes a Spec of plain files and directories of a kind: a built-in one, or one's own as ParseKind gives it.
func InKind(t *compose.Table, fsys fs.FS, paths []string, kind mediatypes.Kind) (*spec.Spec, error) {
	samples, err := samplesOf(fsys, paths)
	if err != nil {
		return nil, err
	}
	layers, err := inKind(t, kind, fsys, samples, paths)
	return &spec.Spec{Kind: kind.Name, Layers: layers, Settings: spec.Settings{Own: &kind}}, err
}

// fits lists the kinds that the files tell: those in which every file plays a role, and for a single directory those
// that a file in it tells, however much else is there; that is left.
func fits(t *compose.Table, fsys fs.FS, samples []*tree.Sample) (fits []finding, left []string, err error) {
	s := &starter{table: t, fsys: fsys, entries: samples}
	single := len(samples) == 1 && samples[0].IsDir()
	if single {
		if err := s.list(samples[0].Path); err != nil {
			s.entries = nil // nothing but hidden files
		}
	}
	mains := s.mains()
	if attached := s.attachable(); len(mains) == 0 && len(attached) > 1 {
		return attached, nil, nil // any of them may belong to another
	}
	for _, k := range t.Kinds {
		if f, ok := fit(t, k, samples); ok {
			fits = append(fits, f)
		}
	}
	whole := len(fits) > 0
	for _, f := range mains {
		switch {
		case slices.ContainsFunc(fits, func(o finding) bool { return o.kind.Name == f.kind.Name }):
		case whole && !f.byFile(), !whole && !single, !whole && !f.byFile() && len(s.unused(f)) > 0:
			// A directory in a directory tells what that is only if there is nothing else.
		default:
			fits = append(fits, f)
			left = s.unused(f)
		}
	}
	if len(fits) == 0 && single {
		// What is mostly attached to something else tells a directory with nothing else in it.
		fits = slices.DeleteFunc(s.attachable(), func(f finding) bool { return len(s.unused(f)) > 0 })
	}
	if len(fits) > 1 && len(mains) > 0 {
		fits = slices.DeleteFunc(fits, func(f finding) bool {
			return !f.kind.Attached && !slices.ContainsFunc(mains, func(m finding) bool { return m.kind.Name == f.kind.Name })
		})
	}
	slices.SortFunc(fits, func(a, b finding) int { return strings.Compare(a.kind.Name, b.kind.Name) })
	return fits, left, nil
}

// entriesOf replaces each directory by what lies in it.
func entriesOf(t *compose.Table, fsys fs.FS, samples []*tree.Sample) []*tree.Sample {
	var entries []*tree.Sample
	for _, one := range samples {
		s := &starter{table: t, fsys: fsys, entries: []*tree.Sample{one}}
		if one.IsDir() && s.list(one.Path) != nil {
			continue // nothing but hidden files
		}
		entries = append(entries, s.entries...)
	}
	return entries
}

// inKind lists what of the paths plays a role in a kind: of a directory that the kind has no use for as a whole, the
// files in it.
func inKind(t *compose.Table, k mediatypes.Kind, fsys fs.FS, samples []*tree.Sample, paths []string) ([]spec.LayerSpec, error) {
	var all []spec.LayerSpec
	for i, sample := range samples {
		r, ok := t.FindRole(k, sample, "")
		if !sample.IsDir() || k.Expand || ok && r.Tells {
			all = append(all, spec.LayerSpec{Path: paths[i]})
			continue
		}
		s := &starter{table: t, fsys: fsys}
		if err := s.list(sample.Path); err != nil {
			return nil, err
		}
		f := s.find(k)
		if _, err := settle(t, &f, fsys, sample.Path); err != nil {
			return nil, err
		}
		switch {
		case f.evidence != "", k.PerEntry && len(f.paths) > 0:
			all = append(all, f.layers()...)
		case ok || slices.ContainsFunc(k.Layers, compose.ForDirectories):
			all = append(all, spec.LayerSpec{Path: paths[i]})
		case len(f.paths) > 0:
			all = append(all, f.layers()...)
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

func ambiguous(fits []finding) error {
	e := &AmbiguousError{}
	for _, f := range fits {
		e.Candidates = append(e.Candidates, Candidate{f.kind.Name, f.evidence})
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

// finding is a kind that fits files.
type finding struct {
	kind     mediatypes.Kind
	paths    []string
	evidence string
	whole    bool              // it is told by the directory as a whole
	tells    []*tree.Sample    // else by these files and directories
	as       map[string]string // roles of paths, where their names and contents do not show them
}

// layers are the entries of a declaration of the files.
func (f finding) layers() []spec.LayerSpec {
	layers := layersOf(f.paths)
	for i, l := range layers {
		layers[i].As = f.as[l.Path]
	}
	return layers
}

// settle reduces what was found in a directory to what the native client takes of one.
func settle(t *compose.Table, f *finding, fsys fs.FS, dir string) (compose.Settled, error) {
	settle := t.Settle[f.kind.Config.Derive]
	if settle == nil {
		return compose.Settled{}, nil
	}
	d := &compose.Directory{FS: fsys, Path: dir, Found: f.paths, RoleOf: func(name string) string {
		info, err := fs.Stat(fsys, name)
		if err != nil {
			return ""
		}
		r, _ := t.FindRole(f.kind, &tree.Sample{FS: fsys, Path: name, Info: info}, "")
		return r.Role
	}}
	settled, err := settle(d)
	if err == nil {
		f.paths, f.as = settled.Paths, settled.As
	}
	return settled, err
}

// byFile tells whether a kind is told by the directory as a whole or by a file in it, not by a directory in it.
func (f finding) byFile() bool {
	return f.whole || slices.ContainsFunc(f.tells, func(s *tree.Sample) bool { return !s.IsDir() })
}

// fit tells whether every file plays a role in a kind, and one of them tells the kind.
func fit(t *compose.Table, k mediatypes.Kind, samples []*tree.Sample) (finding, bool) {
	f := finding{kind: k}
	if k.ReadOnly {
		return f, false
	}
	for _, s := range samples {
		paths, evidence, ok := fitOne(t, k, s)
		if !ok {
			return f, false
		}
		f.paths = append(f.paths, paths...)
		if f.evidence == "" {
			f.evidence = evidence
		}
	}
	return f, f.evidence != ""
}

// fitOne finds the role of a file. A directory that tells nothing as a whole may tell by the files in it.
func fitOne(t *compose.Table, k mediatypes.Kind, s *tree.Sample) (paths []string, evidence string, ok bool) {
	whole, ok := t.FindRole(k, s, "")
	if ok && whole.Tells {
		return []string{s.Path}, why(whole, s), true
	}
	if s.IsDir() {
		if paths, evidence := fitFiles(t, k, s); evidence != "" {
			return paths, evidence, true
		}
	}
	return []string{s.Path}, "", ok
}

// why words the evidence of a role.
func why(r compose.Role, s *tree.Sample) string {
	name := s.Path
	if name == "." {
		name = "the directory"
	}
	if r.Evidence != "" {
		return name + " " + r.Evidence
	}
	return name + " has the name of its " + r.Role
}

// fitFiles tells whether every file in a directory plays a role; the evidence is empty where not.
func fitFiles(t *compose.Table, k mediatypes.Kind, dir *tree.Sample) (paths []string, evidence string) {
	filter, err := tree.IgnoreFilter(dir.FS, dir.Path)
	if err != nil {
		return nil, ""
	}
	client, err := compose.ClientFilter(dir.FS, k, dir.Path)
	if err != nil {
		return nil, ""
	}
	filter = compose.AnyOf(filter, client)
	files, all := 0, true
	err = fs.WalkDir(dir.FS, dir.Path, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name != dir.Path && filter(name, d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		info, err := fs.Stat(dir.FS, name)
		if files++; err != nil || files > maxDetect {
			all = false
			return fs.SkipAll
		}
		s := &tree.Sample{FS: dir.FS, Path: name, Info: info}
		r, ok := t.FindRole(k, s, "")
		if all = ok && info.Mode().IsRegular(); !all {
			return fs.SkipAll
		}
		if paths = append(paths, name); r.Tells && evidence == "" {
			evidence = why(r, s)
		}
		return nil
	})
	if err != nil || !all {
		return nil, ""
	}
	if k.Expand && files > 0 {
		paths = []string{dir.Path}
	}
	return paths, evidence
}
