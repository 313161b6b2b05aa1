package detect

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	"gopkg.in/yaml.v3"
)

// Starter makes a commented davit.yaml for the files of a directory, of the given kind (a kind file's path is relative
// to the directory) or the one that they tell. It composes as it is. SBOMs, runbooks and other kinds that are mostly attached become referrers of the rest.
func Starter(t *compose.Table, fsys fs.FS, dir, kind string) ([]byte, error) {
	files, err := fs.Sub(fsys, path.Clean(dir))
	if err != nil {
		return nil, err
	}
	s := &starter{table: t, fsys: files, name: path.Base(path.Clean(dir))}
	if err := s.look(kind); err != nil {
		return nil, err
	}
	text := s.render()
	if err := composes(t, files, text); err == nil {
		return text, nil
	}
	s.named = true // perhaps by a Chart.yaml or Kitfile, which a name here contradicts
	text = s.render()
	return text, composes(t, files, text)
}

// composes tells what is wrong with a davit.yaml, if anything is. Nobody has that file yet, so no problem points into it.
func composes(t *compose.Table, fsys fs.FS, text []byte) error {
	const name = "davit.yaml"
	declared, err := declare.Parse(t.Catalog(), name, text)
	if err == nil {
		_, err = t.Compose(fsys, declared)
	}
	var problems spec.Problems
	if errors.As(err, &problems) {
		for i := range problems {
			if p := &problems[i]; p.File == name {
				p.File, p.Line, p.Column = "", 0, 0
			}
		}
	}
	return err
}

// starter is a davit.yaml in the making.
type starter struct {
	table     *compose.Table
	fsys      fs.FS
	name      string // of the directory, "." where it is not known
	kind      string // as the davit.yaml says it
	named     bool   // the files say their name and version
	whole     *tree.Sample
	entries   []*tree.Sample
	main      finding
	referrers []finding
	left      []string // entries that are not packed
}

// look decides what the directory is.
func (s *starter) look(kind string) error {
	if err := s.list("."); err != nil {
		return err
	}
	if kind == "" {
		if err := s.detect(); err != nil {
			return err
		}
		kind = s.main.kind.Name
	} else if err := s.choose(kind); err != nil {
		return err
	}
	s.kind = kind
	settled, err := settle(s.table, &s.main, s.fsys, ".")
	s.main.paths = slices.DeleteFunc(s.main.paths, func(p string) bool { return slices.Contains(settled.Unused, p) })
	s.leave()
	return err
}

// choose takes what plays a role in the kind that was named.
func (s *starter) choose(kind string) error {
	k, ok := s.table.Lookup(kind)
	switch {
	case declare.IsKindFile(kind):
		own, err := (&compose.Composer{Table: s.table, FS: s.fsys}).KindFile(kind)
		if err != nil {
			return &spec.Error{Err: spec.Invalid(err)}
		}
		s.entries = slices.DeleteFunc(s.entries, func(e *tree.Sample) bool { return e.Path == path.Clean(kind) })
		k = own
	case !ok || k.ReadOnly:
		return s.table.Catalog().UnknownKind(kind)
	}
	if s.main = s.find(k); len(s.main.paths) == 0 {
		return noneInKind(s.table, k)
	}
	return nil
}

// list lists what is in a directory, without hidden files and what .davitignore names.
func (s *starter) list(dir string) error {
	filter, err := tree.IgnoreFilter(s.fsys, dir)
	if err != nil {
		return err
	}
	listed, err := fs.ReadDir(s.fsys, dir)
	if err != nil {
		return err
	}
	paths := []string{dir}
	for _, e := range listed {
		name := path.Join(dir, e.Name())
		_, err := fs.Stat(s.fsys, name+"/oci-layout")
		if err != nil && !strings.HasPrefix(e.Name(), ".") && e.Name() != "davit.yaml" && !filter(name, e.IsDir()) {
			paths = append(paths, name)
		}
	}
	if len(paths) == 1 {
		return spec.Problems{{Message: "the directory has no files to pack"}}
	}
	samples, err := samplesOf(s.fsys, paths)
	if err != nil {
		return err
	}
	s.whole, s.entries = samples[0], samples[1:]
	return nil
}

// find lists what plays a role in a kind: the directory as a whole where that tells the kind, else its entries. Where
// one tells the kind by its content, those of the same role that don't are something else.
func (s *starter) find(k mediatypes.Kind) finding {
	f := finding{kind: k}
	if s.whole != nil {
		if r, ok := s.table.FindRole(k, s.whole, ""); ok && r.Tells {
			f.paths, f.evidence, f.whole = []string{s.whole.Path}, why(r, s.whole), true
			return f
		}
	}
	roles := make([]compose.Role, len(s.entries))
	told := map[string]bool{}
	for i, entry := range s.entries {
		if s.ignored(k, entry) {
			continue
		}
		if roles[i], _ = s.table.FindRole(k, entry, ""); roles[i].Tells {
			told[roles[i].Role] = true
		}
	}
	used := map[string]int{}
	for i, entry := range s.entries {
		r, evidence := roles[i], ""
		_, most := compose.Bounds(k, r.Role)
		switch {
		case r.Role != "" && (r.Tells || !told[r.Role]) && (most == 0 || used[r.Role] < most || k.Shape == mediatypes.Index):
			used[r.Role]++
			if r.Tells {
				evidence = why(r, entry)
			}
		case r.Role == "" && k.Expand && entry.IsDir() && !s.ignored(k, entry):
			var inside []string
			if inside, evidence = fitFiles(s.table, k, entry); len(inside) == 0 {
				continue
			}
		default:
			continue
		}
		f.paths = append(f.paths, entry.Path)
		if evidence != "" {
			f.tells = append(f.tells, entry)
		}
		if f.evidence == "" {
			f.evidence = evidence
		}
	}
	return f
}

// ignored reports whether the native client of a kind leaves out an entry. What can't be read is found out when the files
// are composed.
func (s *starter) ignored(k mediatypes.Kind, entry *tree.Sample) bool {
	filter, err := compose.IgnoreFileFilter(s.fsys, k, path.Dir(entry.Path))
	if s.whole != nil {
		filter, err = compose.ClientFilter(s.fsys, k, s.whole.Path)
	}
	return err == nil && filter != nil && filter(entry.Path, entry.IsDir())
}

// mains lists the kinds that the files tell, those left out that are mostly attached to something else, and those that
// another one accounts for.
func (s *starter) mains() []finding {
	var all []finding
	for _, k := range s.table.Kinds {
		if f := s.find(k); f.evidence != "" && !k.ReadOnly && !k.Attached {
			all = append(all, f)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(f finding) bool {
		return slices.ContainsFunc(all, func(other finding) bool { return s.accounts(other, f) && !s.accounts(f, other) })
	})
}

// accounts tells whether a kind has a use of its own for all that tells another one: the weights that a Modelfile is
// about, the folders of a collection.
func (s *starter) accounts(f, other finding) bool {
	if other.whole {
		return false
	}
	for _, entry := range other.tells {
		r, ok := s.table.FindRole(f.kind, entry, "")
		if f.whole {
			r, ok = compose.Role{}, entry.IsDir()
		}
		if !ok || slices.Contains(r.Match, "*") {
			return false
		}
	}
	return true
}

// attachable lists the kinds that the files tell and that are mostly attached to something else.
func (s *starter) attachable() []finding {
	var found []finding
	for _, k := range s.table.Kinds {
		if f := s.find(k); f.evidence != "" && k.Attached && !k.ReadOnly {
			found = append(found, f)
		}
	}
	return found
}

// detect finds the kinds that the files tell. One of them is what the directory is, generic where none is; those that
// are mostly attached become its referrers, unless there is nothing else.
func (s *starter) detect() error {
	mains, attached := s.mains(), s.attachable()
	switch {
	case len(mains) == 0 && len(attached) == 1 && len(s.unused(attached[0])) == 0:
		mains, attached = attached, nil
	case len(mains) > 1 || len(mains) == 0 && len(attached) > 1:
		return ambiguous(append(mains, attached...))
	case len(mains) == 0:
		if err := s.table.CheckClaims(s.entries); err != nil {
			return err
		}
		generic, _ := s.table.Lookup("generic")
		mains = []finding{s.find(generic)}
		mains[0].evidence = "nothing here tells another kind"
	}
	s.main = mains[0]
	s.attach(attached)
	return nil
}

// attach makes a referrer of each file that tells an attached kind but not the main one; of two such kinds, the first.
func (s *starter) attach(found []finding) {
	for _, f := range found {
		for _, entry := range s.entries {
			own, _ := s.table.FindRole(s.main.kind, entry, "")
			r, ok := s.table.FindRole(f.kind, entry, "")
			if !ok || !r.Tells || own.Tells || s.attached(entry.Path) {
				continue
			}
			s.referrers = append(s.referrers, finding{kind: f.kind, paths: []string{entry.Path}, evidence: why(r, entry)})
			s.main.paths = slices.DeleteFunc(s.main.paths, func(p string) bool { return p == entry.Path })
		}
	}
}

// attached tells whether a file is a referrer.
func (s *starter) attached(name string) bool {
	return slices.ContainsFunc(s.referrers, func(f finding) bool { return slices.Contains(f.paths, name) })
}

// leave notes what is not packed.
func (s *starter) leave() {
	s.left = slices.DeleteFunc(s.unused(s.main), s.attached)
	for _, entry := range s.entries {
		if s.ignored(s.main.kind, entry) {
			s.left = slices.DeleteFunc(s.left, func(p string) bool { return p == entry.Path })
		}
	}
}

// unused lists the entries that a kind has no use for.
func (s *starter) unused(f finding) []string {
	var unused []string
	for _, entry := range s.entries {
		if !f.whole && !slices.Contains(f.paths, entry.Path) {
			unused = append(unused, entry.Path)
		}
	}
	return unused
}

// render writes the davit.yaml.
func (s *starter) render() []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# What davit packs from this directory. Try it: davit check, then davit push --dry-run.\n")
	line("kind: %s%s", s.kind, comment(s.main.evidence))
	if s.named {
		line("# name and version are in the files")
	} else {
		line("name: %s", quoted(s.title()))
		line("# version: 1.0.0")
	}
	line("# tags: [latest] # besides the tag of the target")
	line("# annotations:")
	line("#   org.opencontainers.image.licenses: Apache-2.0")
	line("#   org.opencontainers.image.source: https://example.com/repository")
	s.renderConfig(line)
	line("\nlayers: # files, directories and globs; see davit kinds %s", s.kind)
	for _, l := range s.main.layers() {
		if l.As != "" {
			line("  - {path: %s, as: %s}", quoted(l.Path), l.As)
			continue
		}
		line("  - %s%s", quoted(l.Path), comment(s.roleName(l.Path)))
	}
	alternatives := s.alternatives()
	for _, p := range s.left {
		if !slices.Contains(alternatives, p) {
			line("  # - %s # plays no role in this kind", quoted(p))
		}
	}
	if len(alternatives) > 0 {
		line("# platforms: # instead of layers: one artifact for each platform, under one index")
		for _, p := range append(s.main.paths[:1:1], alternatives...) {
			line("#   - {platform: OS/ARCH, layers: [%s]}", quoted(p))
		}
	}
	s.renderReferrers(line)
	return b.Bytes()
}

// alternatives are further files that tell the kind as well, where it has room for one: those of other platforms.
func (s *starter) alternatives() []string {
	var found []string
	for _, entry := range s.entries {
		r, ok := s.table.FindRole(s.main.kind, entry, "")
		if _, most := compose.Bounds(s.main.kind, r.Role); ok && r.Tells && most == 1 && !entry.IsDir() && slices.Contains(s.left, entry.Path) {
			found = append(found, entry.Path)
		}
	}
	return found
}

// renderConfig shows the config fields that the kind has.
func (s *starter) renderConfig(line func(string, ...any)) {
	fields, _ := s.main.kind.Config.Schema["properties"].(map[string]any)
	if len(fields) == 0 {
		return
	}
	line("# config: # wins over what is read out of the files; see davit schema %s", s.kind)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		field, _ := fields[name].(map[string]any)
		description, _ := field["description"].(string)
		line("#   %s:%s", quoted(name), comment(description))
	}
}

func (s *starter) renderReferrers(line func(string, ...any)) {
	if len(s.referrers) == 0 {
		line("\n# referrers: # packed, pushed and attached together with this artifact")
		line("#   - {kind: sbom, layers: [sbom.spdx.json]}")
		return
	}
	line("\nreferrers: # packed, pushed and attached together with this artifact")
	for _, r := range s.referrers {
		line("  - {kind: %s, layers: [%s]}%s", r.kind.Name, quoted(r.paths[0]), comment(r.evidence))
	}
}

// title is the directory's name, else that of the file that tells the kind.
func (s *starter) title() string {
	if s.name != "." && s.name != ".." && s.name != "/" {
		return s.name
	}
	for _, entry := range s.entries {
		if r, ok := s.table.FindRole(s.main.kind, entry, ""); ok && r.Tells {
			return strings.TrimSuffix(path.Base(entry.Path), path.Ext(entry.Path))
		}
	}
	return s.main.kind.Name
}

// roleName is the role of an entry, where a kind has more than one.
func (s *starter) roleName(name string) string {
	if len(s.main.kind.Roles()) < 2 {
		return ""
	}
	for _, entry := range append(s.entries, s.whole) {
		if r, ok := s.table.FindRole(s.main.kind, entry, ""); ok && entry.Path == name {
			return r.Role
		}
	}
	return ""
}

// comment puts text behind a line.
func comment(text string) string {
	if text == "" {
		return ""
	}
	return " # " + strings.Join(strings.Fields(text), " ")
}

// quoted writes a string as YAML needs it.
func quoted(s string) string {
	encoded, err := yaml.Marshal(s)
	if err != nil || bytes.ContainsAny(encoded[:len(encoded)-1], "\n") || strings.ContainsAny(s, ",[]{}") {
		return fmt.Sprintf("%q", s)
	}
	return strings.TrimSpace(string(encoded))
}
