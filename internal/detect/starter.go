package detect

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/tree"
)

// Starter makes a commented davit.yaml for the files in a directory. Its kind is the given one or, if kind is "", the one detected.
// The path of a kind file is relative to the directory. The result composes without changes; if it can't, Starter returns it with the error. SBOMs, runbooks, and
// other kinds that are mostly attached become referrers of the rest.
func Starter(t *compose.Table, fsys fs.FS, dir, kind string) ([]byte, error) {
	files, err := fs.Sub(fsys, path.Clean(dir))
	if err != nil {
		return nil, err
	}
	samples, err := newSamples(files, []string{"."})
	if err != nil {
		return nil, err
	}
	s := &starter{name: path.Base(path.Clean(dir))}
	if s.files, err = newFiles(t, files, samples); err == nil {
		err = s.decideKind(kind)
	} else {
		err = s.takeHidden(kind)
	}
	if err != nil {
		return nil, err
	}
	text := s.render()
	plan, err := composeText(t, files, text)
	if err != nil {
		s.named = true // a Chart.yaml or Kitfile may have another name
		text = s.render()
		if plan, err = composeText(t, files, text); err != nil {
			return text, err
		}
	}
	s.applyPlan(plan)
	better := s.render()
	if _, err := composeText(t, files, better); err != nil {
		return text, nil
	}
	return better, nil
}

// applyPlan removes entries that are not packed from the declaration, and records the roles of the others.
func (s *starter) applyPlan(plan *spec.Plan) {
	s.roles = map[string]string{}
	for _, l := range plan.Layers {
		s.roles[sourceOf(l)] = l.Role
	}
	isPacked := func(entry string) bool {
		return slices.ContainsFunc(plan.Layers, func(l spec.Layer) bool { return tree.IsWithin(entry, sourceOf(l)) })
	}
	s.main.used = slices.DeleteFunc(s.main.used, func(entry string) bool {
		out := !isPacked(entry) && slices.ContainsFunc(plan.LeftOut, func(name string) bool { return tree.IsWithin(entry, strings.TrimSuffix(name, "/")) })
		if out {
			s.dropped = append(s.dropped, entry)
		}
		return out
	})
}

// sourceOf returns the file or directory that a layer is made from.
func sourceOf(l spec.Layer) string {
	if len(l.Files) == 1 {
		return l.Files[0]
	}
	return l.Path
}

// composeText composes a davit.yaml. The file does not exist yet, so no problem points into it.
func composeText(t *compose.Table, fsys fs.FS, text []byte) (*spec.Plan, error) {
	const name = "davit.yaml"
	var plan *spec.Plan
	declared, err := declare.Parse(t.Catalog(), name, text)
	if err == nil {
		declared.Source().Planned = true
		plan, err = t.Compose(fsys, declared)
	}
	var problems spec.Problems
	if errors.As(err, &problems) {
		for i := range problems {
			if p := &problems[i]; p.File == name {
				p.File, p.Line, p.Column = "", 0, 0
			}
		}
	}
	return plan, err
}

// starter builds a davit.yaml.
type starter struct {
	*files
	name      string // of the directory, "." if it is not known
	kind      string // as written in the davit.yaml
	named     bool   // the files contain their name and version
	main      match
	referrers []match
	left      []string          // entries without a role
	dropped   []string          // entries with a role that are not packed, such as files that a Modelfile does not list
	roles     map[string]string // roles of the layers by file; set by applyPlan
}

// decideKind decides the kind of the directory.
func (s *starter) decideKind(kind string) error {
	if kind == "" {
		if err := s.detect(); err != nil {
			return err
		}
		kind = s.main.kind.Name
	} else if err := s.takeInKind(kind); err != nil {
		return err
	}
	s.kind = kind
	if err := s.checkRoom(s.main); err != nil && !s.mayBePlatforms() {
		return err
	}
	selected, err := s.main.selectFiles(s.table, s.fsys, ".")
	s.main.used = slices.DeleteFunc(s.main.used, func(p string) bool { return slices.Contains(selected.Unused, p) })
	s.recordLeft()
	return err
}

// detect chooses the kind as Detect does. The kinds that are mostly attached and that entries show become referrers.
func (s *starter) detect() error {
	found := s.candidates()
	chosen := s.choose(found)
	switch len(chosen) {
	case 0:
		if err := s.table.CheckClaims(s.entries); err != nil {
			return err
		}
		generic, _ := s.table.Lookup("generic")
		s.main = s.find(generic)
		s.main.evidence = "no file shows another kind"
	case 1:
		s.main = chosen[0]
	default:
		return newAmbiguousError(chosen)
	}
	s.attach(lists.Delete(found, func(m match) bool { return !m.kind.Attached || !m.isShown || m.kind.Name == s.main.kind.Name }))
	return nil
}

// takeInKind takes the entries that have a role in the named kind.
func (s *starter) takeInKind(kind string) error {
	k, ok := s.table.Lookup(kind)
	switch {
	case declare.IsKindFile(kind):
		own, err := s.table.KindFile(s.fsys, kind)
		if err != nil {
			return &spec.Error{Err: spec.Invalid(err)}
		}
		s.entries = lists.Delete(s.entries, func(e *tree.Sample) bool { return e.Path == path.Clean(kind) })
		k = own
	case !ok || k.ReadOnly:
		return s.table.Catalog().UnknownKind(kind)
	}
	s.main = s.match(k)
	isWhole := !k.Expand && takesWhole(s.table, k, s.dir) && slices.ContainsFunc(k.Layers, isMainType)
	switch {
	case isWhole && findOnlyEntry(s.table, k, s.dir) == nil:
		s.main = match{kind: k, evidence: s.main.evidence, used: []string{s.dir.Path}, isWhole: true}
	case k.Expand && !s.composes(kind):
		s.main = match{kind: k, used: []string{s.dir.Path}} // composing the declaration names each file that has no role
	case len(s.main.used) == 0:
		return s.noneInKind(k)
	}
	return nil
}

// composes reports whether the whole directory can be packed as a kind.
func (s *starter) composes(kind string) bool {
	_, err := s.table.Compose(s.fsys, &spec.Spec{Kind: kind, Layers: makeLayers([]string{s.dir.Path})})
	return err == nil
}

// takeHidden declares a directory that has only hidden files, as Detect does.
func (s *starter) takeHidden(kind string) error {
	declared, _, err := Detect(s.table, s.fsys, []string{"."}, kind)
	if err != nil {
		return err
	}
	k, _ := s.table.Lookup(declared.Kind)
	s.dir = s.files.named[0]
	s.kind, s.main = declared.Kind, match{kind: k, used: []string{"."}, isWhole: true}
	return nil
}

// mayBePlatforms reports whether the files that a role has no room for may be those of other platforms: each shows the kind.
func (s *starter) mayBePlatforms() bool {
	_, several := s.findCrowded(s.main)
	return !slices.ContainsFunc(several, func(name string) bool {
		i := slices.IndexFunc(s.entries, func(e *tree.Sample) bool { return e.Path == name })
		if i < 0 || s.entries[i].IsDir() {
			return true
		}
		r, ok := s.table.FindRole(s.main.kind, s.entries[i], "")
		return !ok || !r.Tells
	})
}

// attach makes a referrer of each file that shows an attached kind but not the main one. If a file shows two such kinds, the first is used.
func (s *starter) attach(found []match) {
	for _, m := range found {
		for _, entry := range s.entries {
			own, _ := s.table.FindRole(s.main.kind, entry, "")
			r, ok := s.table.FindRole(m.kind, entry, "")
			if !ok || !r.Tells || own.Tells || s.isAttached(entry.Path) {
				continue
			}
			s.referrers = append(s.referrers, match{kind: m.kind, used: []string{entry.Path}, evidence: describeEvidence(r, entry)})
			s.main.used = slices.DeleteFunc(s.main.used, func(p string) bool { return p == entry.Path })
		}
	}
}

// isAttached reports whether a file is a referrer.
func (s *starter) isAttached(name string) bool {
	return slices.ContainsFunc(s.referrers, func(m match) bool { return slices.Contains(m.used, name) })
}

// recordLeft records the entries without a role, except those that the native client leaves out.
func (s *starter) recordLeft() {
	s.left = slices.DeleteFunc(s.listWithout(s.main.used), s.isAttached)
	for _, entry := range s.entries {
		if s.isIgnored(s.main.kind, entry) {
			s.left = slices.DeleteFunc(s.left, func(p string) bool { return p == entry.Path })
		}
	}
}
