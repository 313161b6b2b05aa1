package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
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
func (e *AmbiguousError) Unwrap() error { return ErrInvalid }

// Detect makes a Spec of plain files and directories. The kind is the given one, or that which the files tell by name
// or content; then the notes say by what evidence. Where two kinds fit, the error is an *AmbiguousError; where none
// does, the kind is generic; but a file that is broken, and by its name one of some kind, is an error then.
func (t *Table) Detect(fsys fs.FS, paths []string, kind string) (*Spec, []string, error) {
	samples, err := samplesOf(fsys, paths)
	if err != nil {
		return nil, nil, err
	}
	if kind != "" {
		k, ok := t.Lookup(kind)
		if !ok && !IsKindFile(kind) {
			return nil, nil, t.Catalog().UnknownKind(kind)
		}
		layers := layersOf(paths)
		if ok {
			layers, err = t.inKind(k, fsys, samples, paths)
		}
		return &Spec{Kind: kind, Layers: layers}, nil, err
	}
	fits, left, err := t.detect(fsys, samples)
	switch {
	case err != nil:
		return nil, nil, err
	case len(fits) == 0:
		if err := t.checkClaims(t.entriesOf(fsys, samples)); err != nil {
			return nil, nil, err
		}
		return &Spec{Kind: "generic", Layers: layersOf(paths)}, []string{"generic: nothing in the files tells another kind"}, nil
	case len(fits) > 1:
		return nil, nil, ambiguous(fits)
	}
	f := fits[0]
	notes := []string{f.kind.Name + ": " + f.evidence}
	if len(samples) == 1 && samples[0].isDir() {
		settled, err := t.settle(&f, fsys, samples[0].path)
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
	return &Spec{Kind: f.kind.Name, Layers: f.layers()}, notes, nil
}

// InKind makes a Spec of plain files and directories of a kind: a built-in one, or one's own as ParseKind gives it.
func (t *Table) InKind(fsys fs.FS, paths []string, kind mediatypes.Kind) (*Spec, error) {
	samples, err := samplesOf(fsys, paths)
	if err != nil {
		return nil, err
	}
	layers, err := t.inKind(kind, fsys, samples, paths)
	return &Spec{Kind: kind.Name, Layers: layers, Settings: spec.Settings{Own: &kind}}, err
}

// detect lists the kinds that the files tell: those in which every file plays a role, and for a single directory those
// that a file in it tells, however much else is there; that is left.
func (t *Table) detect(fsys fs.FS, samples []*sample) (fits []finding, left []string, err error) {
	s := &starter{table: t, fsys: fsys, entries: samples}
	single := len(samples) == 1 && samples[0].isDir()
	if single {
		if err := s.list(samples[0].path); err != nil {
			s.entries = nil // nothing but hidden files
		}
	}
	mains := s.mains()
	if attached := s.attachable(); len(mains) == 0 && len(attached) > 1 {
		return attached, nil, nil // any of them may belong to another
	}
	for _, k := range t.Kinds {
		if f, ok := t.fit(k, samples); ok {
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
func (t *Table) entriesOf(fsys fs.FS, samples []*sample) []*sample {
	var entries []*sample
	for _, one := range samples {
		s := &starter{table: t, fsys: fsys, entries: []*sample{one}}
		if one.isDir() && s.list(one.path) != nil {
			continue // nothing but hidden files
		}
		entries = append(entries, s.entries...)
	}
	return entries
}

// inKind lists what of the paths plays a role in a kind: of a directory that the kind has no use for as a whole, the
// files in it.
func (t *Table) inKind(k mediatypes.Kind, fsys fs.FS, samples []*sample, paths []string) ([]LayerSpec, error) {
	var all []LayerSpec
	for i, sample := range samples {
		r, ok := t.findRole(k, sample, "")
		if !sample.isDir() || k.Expand || ok && r.Tells {
			all = append(all, LayerSpec{Path: paths[i]})
			continue
		}
		s := &starter{table: t, fsys: fsys}
		if err := s.list(sample.path); err != nil {
			return nil, err
		}
		f := s.find(k)
		if _, err := t.settle(&f, fsys, sample.path); err != nil {
			return nil, err
		}
		switch {
		case f.evidence != "", k.PerEntry && len(f.paths) > 0:
			all = append(all, f.layers()...)
		case ok || slices.ContainsFunc(k.Layers, forDirectories):
			all = append(all, LayerSpec{Path: paths[i]})
		case len(f.paths) > 0:
			all = append(all, f.layers()...)
		default:
			return nil, t.noneInKind(k)
		}
	}
	return all, nil
}

// noneInKind says that a directory has nothing for a kind.
func (t *Table) noneInKind(k mediatypes.Kind) error {
	return &Error{Item: k.Name, Err: spec.Invalid(errors.New("no file here plays a role in this kind")), Hint: t.expected(k, "")}
}

func ambiguous(fits []finding) error {
	e := &AmbiguousError{}
	for _, f := range fits {
		e.Candidates = append(e.Candidates, Candidate{f.kind.Name, f.evidence})
	}
	return e
}

func layersOf(paths []string) []LayerSpec {
	var layers []LayerSpec
	for _, p := range paths {
		layers = append(layers, LayerSpec{Path: p})
	}
	return layers
}

func samplesOf(fsys fs.FS, paths []string) ([]*sample, error) {
	var samples []*sample
	var problems Problems
	for _, p := range paths {
		name, problem := locate(fsys, p)
		if problem != "" {
			problems = append(problems, Problem{Message: fmt.Sprintf("%q %s", p, problem)})
			continue
		}
		info, err := fs.Stat(fsys, name)
		if err != nil {
			problems = append(problems, Problem{}.Unreadable(p, err))
			continue
		}
		samples = append(samples, &sample{fsys: fsys, path: name, info: info})
	}
	if len(paths) == 0 {
		problems = Problems{{Message: "there are no files to pack"}}
	}
	return samples, problems.Err()
}

// finding is a kind that fits files.
type finding struct {
	kind     mediatypes.Kind
	paths    []string
	evidence string
	whole    bool              // it is told by the directory as a whole
	tells    []*sample         // else by these files and directories
	as       map[string]string // roles of paths, where their names and contents do not show them
}

// layers are the entries of a declaration of the files.
func (f finding) layers() []LayerSpec {
	layers := layersOf(f.paths)
	for i, l := range layers {
		layers[i].As = f.as[l.Path]
	}
	return layers
}

// settle reduces what was found in a directory to what the native client takes of one.
func (t *Table) settle(f *finding, fsys fs.FS, dir string) (Settled, error) {
	settle := t.Settle[f.kind.Config.Derive]
	if settle == nil {
		return Settled{}, nil
	}
	d := &Directory{FS: fsys, Path: dir, Found: f.paths, RoleOf: func(name string) string {
		info, err := fs.Stat(fsys, name)
		if err != nil {
			return ""
		}
		r, _ := t.findRole(f.kind, &sample{fsys: fsys, path: name, info: info}, "")
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
	return f.whole || slices.ContainsFunc(f.tells, func(s *sample) bool { return !s.isDir() })
}

// fit tells whether every file plays a role in a kind, and one of them tells the kind.
func (t *Table) fit(k mediatypes.Kind, samples []*sample) (finding, bool) {
	f := finding{kind: k}
	if k.ReadOnly {
		return f, false
	}
	for _, s := range samples {
		paths, evidence, ok := t.fitOne(k, s)
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
func (t *Table) fitOne(k mediatypes.Kind, s *sample) (paths []string, evidence string, ok bool) {
	whole, ok := t.findRole(k, s, "")
	if ok && whole.Tells {
		return []string{s.path}, why(whole, s), true
	}
	if s.isDir() {
		if paths, evidence := t.fitFiles(k, s); evidence != "" {
			return paths, evidence, true
		}
	}
	return []string{s.path}, "", ok
}

// why words the evidence of a role.
func why(r role, s *sample) string {
	name := s.path
	if name == "." {
		name = "the directory"
	}
	if r.evidence != "" {
		return name + " " + r.evidence
	}
	return name + " has the name of its " + r.Role
}

// fitFiles tells whether every file in a directory plays a role; the evidence is empty where not.
func (t *Table) fitFiles(k mediatypes.Kind, dir *sample) (paths []string, evidence string) {
	filter, err := ignoreFilter(dir.fsys, dir.path)
	if err != nil {
		return nil, ""
	}
	client, err := clientFilter(dir.fsys, k, dir.path)
	if err != nil {
		return nil, ""
	}
	filter = anyOf(filter, client)
	files, all := 0, true
	err = fs.WalkDir(dir.fsys, dir.path, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name != dir.path && filter(name, d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		info, err := fs.Stat(dir.fsys, name)
		if files++; err != nil || files > maxDetect {
			all = false
			return fs.SkipAll
		}
		s := &sample{fsys: dir.fsys, path: name, info: info}
		r, ok := t.findRole(k, s, "")
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
		paths = []string{dir.path}
	}
	return paths, evidence
}
