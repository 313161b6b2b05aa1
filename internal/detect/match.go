package detect

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// maxDetect limits the files of a directory that are read to find its kind, for each kind.
const maxDetect = 2000

// files are the files whose kind to detect: a directory and its entries, or files that were named one by one.
type files struct {
	table   *compose.Table
	fsys    fs.FS
	named   []*tree.Sample // as the user named them
	dir     *tree.Sample   // the directory, if it is the only one named and has entries
	entries []*tree.Sample // of the directory, or else the named files
}

// newFiles lists the entries of a single directory. For a directory with only hidden files, it returns an error and no entries.
func newFiles(t *compose.Table, fsys fs.FS, named []*tree.Sample) (*files, error) {
	f := &files{table: t, fsys: fsys, named: named, entries: named}
	if !f.isDirectory() {
		return f, nil
	}
	samples, err := listDirectory(fsys, named[0].Path)
	if err != nil {
		f.entries = nil
		return f, err
	}
	f.dir, f.entries = samples[0], samples[1:]
	return f, nil
}

// isDirectory reports whether a single directory was named.
func (f *files) isDirectory() bool { return len(f.named) == 1 && f.named[0].IsDir() }

// listDirectory returns a directory and its entries, without hidden files and those that .davitignore names.
func listDirectory(fsys fs.FS, dir string) ([]*tree.Sample, error) {
	names, err := listEntries(fsys, dir)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(path.Base(name), ".") })
	if len(names) == 0 {
		return nil, spec.Problems{{Message: "the directory has no files to pack"}}
	}
	return newSamples(fsys, append([]string{dir}, names...))
}

// listEntries returns the paths of the entries of a directory, without davit.yaml, layouts, and those that .davitignore names.
func listEntries(fsys fs.FS, dir string) ([]string, error) {
	filter, err := tree.IgnoreFilter(fsys, dir)
	if err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if _, err := fs.Stat(fsys, name+"/oci-layout"); err != nil && e.Name() != "davit.yaml" && !filter(name, e.IsDir()) {
			names = append(names, name)
		}
	}
	return names, nil
}

// match is a kind and the files that have a role in it.
type match struct {
	kind      mediatypes.Kind
	evidence  string            // empty if the files do not show the kind
	used      []string          // the entries with a role
	showing   []*tree.Sample    // the used entries that show the kind
	unused    []string          // the entries without a role
	surplus   []string          // the entries with a role that has no room for them
	isWhole   bool              // the directory itself shows the kind
	isGeneral bool              // the test that shows it is general
	isShown   bool              // an entry or the directory itself shows the kind
	all       []string          // paths to declare if every file, at any depth, has a role; else nil
	as        map[string]string // roles of paths whose names and contents do not show them
}

// candidates returns the kinds that the files show.
func (f *files) candidates() []match {
	var found []match
	for _, k := range f.table.Kinds {
		if k.ReadOnly || !slices.ContainsFunc(k.Layers, func(l mediatypes.LayerType) bool { return l.Tells }) {
			continue
		}
		if m := f.match(k); m.evidence != "" {
			found = append(found, m)
		}
	}
	return found
}

// match returns the files that have a role in a kind. It sets match.all if every file has one.
func (f *files) match(k mediatypes.Kind) match {
	m := f.find(k)
	m.isShown = m.evidence != ""
	evidence, ok := f.matchAll(&m)
	if !ok {
		return m
	}
	m.evidence = evidence
	if !m.isShown || len(m.unused) > 0 && !k.Expand && f.hasRoom(k, m.all) {
		m.used, m.unused = m.all, nil
	}
	return m
}

// hasRoom reports whether no role of a kind gets more files than it takes.
func (f *files) hasRoom(k mediatypes.Kind, paths []string) bool {
	used := map[string]int{}
	for _, p := range paths {
		role := findRole(f.table, k, f.fsys, p)
		used[role]++
		if _, most := roles.Bounds(k, role); most > 0 && used[role] > most && !k.Shape.HasEntries() {
			return false
		}
	}
	return true
}

// find lists the entries that have a role in a kind, or only the directory if the directory itself shows the kind. If an entry shows the
// kind by its content, entries that match the same role only by name are ignored.
func (f *files) find(k mediatypes.Kind) match {
	m := match{kind: k}
	if f.dir != nil {
		if r, ok := f.table.FindRole(k, f.dir, ""); ok && r.Tells {
			m.used, m.evidence, m.isWhole = []string{f.dir.Path}, describeEvidence(r, f.dir), true
			m.isGeneral = f.table.Tests[r.Content].IsGeneral
			return m
		}
	}
	found := make([]roles.Role, len(f.entries))
	told := map[string]bool{}
	for i, entry := range f.entries {
		if f.isIgnored(k, entry) {
			continue
		}
		if f.dir != nil && isNamedFor(f.table, k, entry) && findOnlyEntry(f.table, k, f.dir) == nil {
			continue
		}
		if found[i], _ = f.table.FindRole(k, entry, ""); found[i].Tells && found[i].Content != "" {
			told[found[i].Role] = true
		}
	}
	count := map[string]int{}
	for i, entry := range f.entries {
		r, evidence := found[i], ""
		_, most := roles.Bounds(k, r.Role)
		switch {
		case r.Role != "" && (r.Tells || !told[r.Role]) && most > 0 && count[r.Role] >= most && !k.Shape.HasEntries():
			m.surplus = append(m.surplus, entry.Path)
			continue
		case r.Role != "" && (r.Tells || !told[r.Role]):
			count[r.Role]++
			if r.Tells {
				evidence = describeEvidence(r, entry)
			}
		case r.Role == "" && k.Expand && entry.IsDir() && !f.isIgnored(k, entry):
			inside, why, isSure := matchTree(f.table, k, entry)
			if len(inside) == 0 {
				continue
			}
			if isSure {
				evidence = why
			}
		default:
			continue
		}
		m.used = append(m.used, entry.Path)
		if evidence != "" {
			m.showing = append(m.showing, entry)
		}
		if m.evidence == "" {
			m.evidence = evidence
		}
	}
	m.unused = f.listWithout(m.used)
	return m
}

// listWithout lists the entries that are neither among the paths nor contain one of them.
func (f *files) listWithout(paths []string) []string {
	var unused []string
	for _, entry := range f.entries {
		if !slices.ContainsFunc(paths, func(p string) bool {
			return p == entry.Path || f.dir != nil && p == f.dir.Path || strings.HasPrefix(p, entry.Path+"/")
		}) {
			unused = append(unused, entry.Path)
		}
	}
	return unused
}

// isIgnored reports whether the native client of a kind leaves out an entry, or all files in it. It ignores errors, which composing
// reports.
func (f *files) isIgnored(k mediatypes.Kind, entry *tree.Sample) bool {
	filter, err := roles.IgnoreFileFilter(f.fsys, k, path.Dir(entry.Path))
	if f.dir != nil {
		filter, err = roles.ClientFilter(f.fsys, k, f.dir.Path)
	}
	if err != nil || filter == nil {
		return false
	}
	return filter(entry.Path, entry.IsDir()) || f.dir != nil && entry.IsDir() && !hasFiles(k, entry)
}

// matchAll reports whether every named file has a role in a kind and one of them shows it, and sets match.all.
func (f *files) matchAll(m *match) (evidence string, ok bool) {
	var all []string
	for _, s := range f.named {
		if !f.isDirectory() && f.isIgnored(m.kind, s) {
			all = append(all, s.Path) // composing leaves it out
			continue
		}
		paths, why, ok := matchOne(f.table, m.kind, s)
		if !ok {
			return "", false
		}
		all = append(all, paths...)
		if evidence == "" {
			evidence = why
		}
	}
	if evidence == "" {
		return "", false
	}
	m.all = all
	return evidence, true
}

// matchOne returns the paths to declare for a file or directory, and whether it has a role. A directory that does not itself show a kind
// may do so by the files in it.
func matchOne(t *compose.Table, k mediatypes.Kind, s *tree.Sample) (paths []string, evidence string, ok bool) {
	whole, ok := t.FindRole(k, s, "")
	if ok && whole.Tells {
		return []string{s.Path}, describeEvidence(whole, s), true
	}
	if s.IsDir() {
		if paths, evidence, isSure := matchTree(t, k, s); isSure && (evidence != "" || k.Expand && len(paths) > 0) {
			return paths, evidence, true
		}
	}
	return []string{s.Path}, "", ok
}

// matchTree returns the paths to declare for a directory in which every file has a role, or none for any other directory. isSure is false if
// the directory has broken links, pipes, or more than maxDetect files: composing checks these.
func matchTree(t *compose.Table, k mediatypes.Kind, dir *tree.Sample) (paths []string, evidence string, isSure bool) {
	isSure = true
	err := walkFiles(k, dir, func(s *tree.Sample) error {
		if !s.Info.Mode().IsRegular() {
			isSure = false
			return nil
		}
		if len(paths) == maxDetect {
			isSure = false
			return fs.SkipAll
		}
		r, ok := t.FindRole(k, s, "")
		if !ok {
			return errStop
		}
		if paths = append(paths, s.Path); r.Tells && evidence == "" {
			evidence = describeEvidence(r, s)
		}
		return nil
	})
	if err != nil {
		return nil, "", false
	}
	if k.Expand && (len(paths) > 0 || !isSure) {
		paths = []string{dir.Path}
	}
	return paths, evidence, isSure
}

// listShowing lists the files in a directory that show a kind. It returns nil if it can't check every file.
func listShowing(t *compose.Table, k mediatypes.Kind, dir *tree.Sample) []*tree.Sample {
	var found []*tree.Sample
	seen := 0
	err := walkFiles(k, dir, func(s *tree.Sample) error {
		if !s.Info.Mode().IsRegular() {
			return errStop
		}
		if r, ok := t.FindRole(k, s, ""); ok && r.Tells {
			found = append(found, s)
		}
		if seen++; seen > maxDetect {
			return errStop
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return found
}

// isShownByFile reports whether the kind is shown by the directory itself or by a file in it, not only by a subdirectory.
func (m match) isShownByFile() bool {
	return m.isWhole || slices.ContainsFunc(m.showing, func(s *tree.Sample) bool { return !s.IsDir() })
}

// layers returns the used files as entries of a declaration.
func (m match) layers() []spec.LayerSpec {
	layers := makeLayers(m.used)
	for i, l := range layers {
		layers[i].As = m.as[l.Path]
	}
	return layers
}

// selectFiles reduces the files found in a directory to those that the native client takes.
func (m *match) selectFiles(t *compose.Table, fsys fs.FS, dir string) (compose.Selection, error) {
	choose := t.Select[m.kind.Config.Derive]
	if choose == nil {
		return compose.Selection{}, nil
	}
	d := &compose.Directory{FS: fsys, Path: dir, Found: m.used, RoleOf: func(name string) string { return findRole(t, m.kind, fsys, name) }}
	selected, err := choose(d)
	if err == nil {
		m.used, m.as = selected.Paths, selected.As
	}
	return selected, err
}

// findRole returns the role of a file in a kind, or "" if it has none.
func findRole(t *compose.Table, k mediatypes.Kind, fsys fs.FS, name string) string {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return ""
	}
	r, _ := t.FindRole(k, &tree.Sample{FS: fsys, Path: name, Info: info}, "")
	return r.Role
}

// describeEvidence returns the evidence of a role as a sentence about its file.
func describeEvidence(r roles.Role, s *tree.Sample) string {
	if r.Evidence != "" {
		return shownName(s) + " " + r.Evidence
	}
	return shownName(s) + " looks like " + r.Role
}

// shownName returns the name of a file or directory for messages.
func shownName(s *tree.Sample) string {
	if s.Path == "." {
		return "the directory"
	}
	return s.Path
}
