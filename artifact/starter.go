package artifact

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/mediatypes"
	"gopkg.in/yaml.v3"
)

// Starter makes a commented davit.yaml for the files of a directory, of the given kind or the one that they tell. It
// composes as it is. SBOMs, runbooks and other kinds that are mostly attached become referrers of the rest.
func Starter(fsys fs.FS, dir, kind string) ([]byte, error) {
	files, err := fs.Sub(fsys, path.Clean(dir))
	if err != nil {
		return nil, err
	}
	s := &starter{fsys: files, name: path.Base(path.Clean(dir))}
	if err := s.look(kind); err != nil {
		return nil, err
	}
	text := s.render()
	if err := composes(files, text); err == nil {
		return text, nil
	}
	s.named = true // perhaps by a Chart.yaml or Kitfile, which a name here contradicts
	text = s.render()
	return text, composes(files, text)
}

// composes tells what is wrong with a davit.yaml, if anything is.
func composes(fsys fs.FS, text []byte) error {
	spec, err := Parse("davit.yaml", text)
	if err != nil {
		return err
	}
	_, err = Compose(fsys, spec)
	return err
}

// starter is a davit.yaml in the making.
type starter struct {
	fsys      fs.FS
	name      string // of the directory, "." where it is not known
	named     bool   // the files say their name and version
	whole     *sample
	entries   []*sample
	main      finding
	referrers []finding
	left      []string // entries that are not packed
}

// look decides what the directory is.
func (s *starter) look(kind string) error {
	if err := s.list(); err != nil {
		return err
	}
	if kind == "" {
		if err := s.detect(); err != nil {
			return err
		}
	} else if k, ok := mediatypes.Lookup(kind); !ok || k.ReadOnly {
		return unknownKind(kind)
	} else if s.main = s.find(k); len(s.main.paths) == 0 {
		return &Error{Item: kind, Err: reason{ErrInvalid, fmt.Errorf("no file here plays a role in this kind")}, Hint: expected(k, "")}
	}
	if !slices.Equal(s.main.paths, []string{"."}) {
		s.leave()
	}
	return nil
}

// list lists what is in the directory, without hidden files and what .davitignore names.
func (s *starter) list() error {
	filter, err := ignoreFilter(s.fsys, ".")
	if err != nil {
		return err
	}
	listed, err := fs.ReadDir(s.fsys, ".")
	if err != nil {
		return err
	}
	paths := []string{"."}
	for _, e := range listed {
		_, err := fs.Stat(s.fsys, e.Name()+"/oci-layout")
		if err != nil && !strings.HasPrefix(e.Name(), ".") && e.Name() != "davit.yaml" && !filter(e.Name(), e.IsDir()) {
			paths = append(paths, e.Name())
		}
	}
	if len(paths) == 1 {
		return Problems{{Message: "the directory has no files to pack"}}
	}
	samples, err := samplesOf(s.fsys, paths)
	if err != nil {
		return err
	}
	s.whole, s.entries = samples[0], samples[1:]
	return nil
}

// find lists what plays a role in a kind: the directory as a whole where that tells the kind, else its entries.
func (s *starter) find(k mediatypes.Kind) finding {
	f := finding{kind: k}
	if r, ok := findRole(k, s.whole, ""); ok && r.Tells {
		f.paths, f.evidence = []string{"."}, why(r, s.whole)
		return f
	}
	used := map[string]int{}
	for _, entry := range s.entries {
		r, ok := findRole(k, entry, "")
		_, most := bounds(k, r.Role)
		switch {
		case ok && (most == 0 || used[r.Role] < most):
			used[r.Role]++
		case ok || !k.Expand || !entry.isDir() || !fitsFiles(k, entry):
			continue
		}
		f.paths = append(f.paths, entry.path)
		if ok && r.Tells && f.evidence == "" {
			f.evidence = why(r, entry)
		}
	}
	return f
}

func fitsFiles(k mediatypes.Kind, dir *sample) bool {
	paths, _ := fitFiles(k, dir)
	return len(paths) > 0
}

// detect finds the kinds that the files tell. One of them is what the directory is; those that are mostly attached
// become its referrers.
func (s *starter) detect() error {
	var mains, attached []finding
	for _, k := range mediatypes.All() {
		switch f := s.find(k); {
		case k.ReadOnly || f.evidence == "":
		case k.Attached:
			attached = append(attached, f)
		default:
			mains = append(mains, f)
		}
	}
	if len(mains) == 0 && len(attached) == 1 {
		mains, attached = attached, nil
	}
	switch {
	case len(mains) > 1 || len(mains) == 0 && len(attached) > 1:
		return ambiguous(append(mains, attached...))
	case len(mains) == 1:
		s.main = mains[0]
		s.attach(attached)
		return nil
	}
	generic, _ := mediatypes.Lookup("generic")
	s.main = s.find(generic)
	s.main.evidence = "nothing here tells another kind"
	return nil
}

// attach makes a referrer of each file that tells an attached kind but not the main one; of two such kinds, the first.
func (s *starter) attach(found []finding) {
	for _, f := range found {
		for _, entry := range s.entries {
			own, _ := findRole(s.main.kind, entry, "")
			r, ok := findRole(f.kind, entry, "")
			if !ok || !r.Tells || own.Tells || s.attached(entry.path) {
				continue
			}
			s.referrers = append(s.referrers, finding{f.kind, []string{entry.path}, why(r, entry)})
			s.main.paths = slices.DeleteFunc(s.main.paths, func(p string) bool { return p == entry.path })
		}
	}
}

// attached tells whether a file is a referrer.
func (s *starter) attached(name string) bool {
	return slices.ContainsFunc(s.referrers, func(f finding) bool { return slices.Contains(f.paths, name) })
}

// leave notes what is not packed.
func (s *starter) leave() {
	for _, entry := range s.entries {
		if !s.attached(entry.path) && !slices.Contains(s.main.paths, entry.path) {
			s.left = append(s.left, entry.path)
		}
	}
}

// render writes the davit.yaml.
func (s *starter) render() []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# What davit packs from this directory. Try it: davit check, then davit push --dry-run.\n")
	line("kind: %s%s", s.main.kind.Name, comment(s.main.evidence))
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
	line("\nlayers: # files, directories and globs; see davit kinds %s", s.main.kind.Name)
	for _, p := range s.main.paths {
		line("  - %s%s", quoted(p), comment(s.roleName(p)))
	}
	for _, p := range s.left {
		line("  # - %s # plays no role in this kind", quoted(p))
	}
	s.renderReferrers(line)
	return b.Bytes()
}

// renderConfig shows the config fields that the kind has.
func (s *starter) renderConfig(line func(string, ...any)) {
	fields, _ := s.main.kind.Config.Schema["properties"].(map[string]any)
	if len(fields) == 0 {
		return
	}
	line("# config: # wins over what is read out of the files; see davit schema %s", s.main.kind.Name)
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
		if r, ok := findRole(s.main.kind, entry, ""); ok && r.Tells {
			return strings.TrimSuffix(path.Base(entry.path), path.Ext(entry.path))
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
		if r, ok := findRole(s.main.kind, entry, ""); ok && entry.path == name {
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
