package compose

import (
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// maxLayers keeps the manifest below the limit of registries, 4 MiB. A layer takes some 400 bytes.
const maxLayers = 10_000

// maxBad limits the invalid files of one directory that are reported; more would not help.
const maxBad = 20

// choose finds the files of every declared layer.
func (d *Draft) choose() {
	d.named = map[string]bool{}
	for _, l := range d.Spec.Layers {
		if (&entry{draft: d, LayerSpec: l}).isLiteral() {
			d.named[path.Clean(l.Path)] = true
		}
	}
	for i, l := range d.Spec.Layers {
		if message, _ := declare.BadPath(l.Path); l.Path == "" || message != "" {
			d.Unfound = append(d.Unfound, l) // a problem of the Spec already
			continue
		}
		e := &entry{draft: d, LayerSpec: l, at: declare.LayerAt(i)}
		if e.isLiteral() {
			e.takeSingle()
		} else {
			e.takeGlob()
		}
		if e.failed {
			d.Unfound = append(d.Unfound, l)
		}
		if len(d.Layers) > maxLayers {
			d.Report(d.Spec.Problem(e.at, fmt.Sprintf("too many layers: limit is %d", maxLayers), "pack directories: packing: tar+gzip"))
			return
		}
	}
	if len(d.Layers) == 0 && len(d.Unfound) == 0 && len(d.LeftOut) > 0 {
		d.Report(d.Spec.Problem("/layers", "nothing to pack: every file is left out: "+textdist.FirstFew(lists.Unique(d.LeftOut)), ""))
	}
}

// entry is one of the layers of a declaration, while its files are looked up.
type entry struct {
	draft *Draft
	spec.LayerSpec
	at     string
	failed bool
	warned bool        // see warnOfGit
	client spec.Filter // files that the native client leaves out and the entry does not include again; nil if absent
	// elsewhere are paths that a filter leaves out, and that are packed by other layers or belong to davit.
	elsewhere []string
}

// refuse reports a problem with the entry.
func (e *entry) refuse(hint, format string, args ...any) {
	e.failed = true
	e.report("/path", fmt.Sprintf(format, args...), hint)
}

// report reports a problem with a field of the entry.
func (e *entry) report(field, message, hint string) {
	e.draft.Report(e.draft.Spec.Problem(e.at+field, message, hint))
}

// reportKey reports a problem with the name of a field of the entry.
func (e *entry) reportKey(field, message, hint string) {
	e.draft.Report(e.draft.Spec.KeyProblem(e.at+field, message, hint))
}

// reportUnreadable reports an error of the file system.
func (e *entry) reportUnreadable(name string, err error) {
	e.failed = true
	e.draft.Report(e.draft.Spec.Problem(e.at+"/path", "", "").Unreadable(name, err))
}

// isLiteral reports whether the path names a file, even if it looks like a glob.
func (e *entry) isLiteral() bool {
	if !tree.IsGlob(e.Path) {
		return true
	}
	_, err := fs.Stat(e.draft.FS, path.Clean(e.Path))
	return err == nil
}

// takeSingle takes one file or directory.
func (e *entry) takeSingle() {
	name, problem := tree.Locate(e.draft.FS, e.Path)
	if problem != "" {
		e.refuse(tree.DidYouMean(e.draft.FS, ".", name, problem), "%q %s", e.Path, problem)
		return
	}
	info, err := fs.Stat(e.draft.FS, name)
	switch {
	case err != nil:
		e.reportUnreadable(e.Path, err)
	case e.leaveOutIgnored(name, info.IsDir()):
	case info.IsDir():
		e.addDirectory(&tree.Sample{FS: e.draft.FS, Path: name, Info: info})
	case strings.HasSuffix(e.Path, "/"):
		e.refuse("leave out the slash at the end", "%q is a file, not a directory", e.Path)
	default:
		e.checkFileOptions()
		e.addFile(&tree.Sample{FS: e.draft.FS, Path: name, Info: info})
	}
}

// leaveOutIgnored leaves out a path that an ignore file of the native client lists, even if the entry names it: that client
// never packs it. It reports whether the entry needs no further processing.
func (e *entry) leaveOutIgnored(name string, isDir bool) bool {
	filter, err := roles.IgnoreFileFilter(e.draft.FS, e.draft.Kind, path.Dir(name))
	if err != nil {
		e.refuse("", "%v", err)
		return true
	}
	which, out := roles.Excludes(filter, name, isDir)
	if out {
		e.draft.LeftOut = append(e.draft.LeftOut, which)
	}
	return out
}

// checkFileOptions reports options of directories on a file.
func (e *entry) checkFileOptions() {
	if e.Split != nil && *e.Split {
		e.reportKey("/split", fmt.Sprintf("%q is a file; only directories can be split", e.Path), "")
	}
	if len(e.Exclude) > 0 {
		e.reportKey("/exclude", fmt.Sprintf("%q is a file; there is nothing to exclude", e.Path), "")
	}
}

// addFile makes a layer of one file.
func (e *entry) addFile(s *tree.Sample) {
	if !s.Info.Mode().IsRegular() {
		e.refuse("", "%q is neither a file nor a directory", s.Path)
		return
	}
	if s.Head(); s.Err != nil {
		e.reportUnreadable(s.Path, s.Err)
		return
	}
	r, ok := e.findRole(s)
	if !ok {
		e.reportNoRole(s)
		return
	}
	packing := e.packing(r)
	if r.Archive && packing != mediatypes.Raw {
		e.addArchive(r, s, packing)
		return
	}
	if packing == mediatypes.Raw {
		if e.Preserve != nil && *e.Preserve {
			e.reportKey("/preserve", fmt.Sprintf("%q is packed raw, which keeps no modes or owners", s.Path), "packing: tar+gzip")
		}
		e.add(r, s, spec.Layer{Path: s.Path, Packing: packing, Size: s.Info.Size()})
		return
	}
	e.add(r, s, spec.Layer{Path: path.Dir(s.Path), Files: []string{s.Path}, Packing: packing, Size: -1})
}

// addArchive makes a layer of the entries of a tar.
func (e *entry) addArchive(r roles.Role, s *tree.Sample, packing mediatypes.Packing) {
	if e.Preserve != nil && !*e.Preserve {
		e.reportKey("/preserve", fmt.Sprintf("%q is a tar, whose entries keep their modes and owners", s.Path), "")
	}
	e.add(r, s, spec.Layer{Path: s.Path, Archive: true, Packing: packing, Size: -1})
}

// findRole finds the role of a file or directory in the kind.
func (e *entry) findRole(s *tree.Sample) (roles.Role, bool) {
	if e.draft.Kind.Name == "" {
		return e.draft.table.FindRole(e.draft.Kind, s, "")
	}
	return e.draft.table.FindRole(e.draft.Kind, s, e.As)
}

// reportNoRole reports a file or directory that has no role in the kind.
func (e *entry) reportNoRole(s *tree.Sample) {
	if e.As != "" && !slices.Contains(e.draft.Kind.Roles(), e.As) {
		e.failed = true
		e.report("/as", fmt.Sprintf("kind %q has no role %q", e.draft.Kind.Name, e.As), textdist.Suggest(e.As, e.draft.Kind.Roles()))
		return
	}
	message := fmt.Sprintf("%q has no role in kind %q", s.Path, e.draft.Kind.Name)
	if e.As != "" {
		message = fmt.Sprintf("%q does not fit role %q of kind %q", s.Path, e.As, e.draft.Kind.Name)
	}
	if s.IsDir() {
		message = fmt.Sprintf("%q is a directory; kind %q needs files", s.Path, e.draft.Kind.Name)
	} else if fault := e.draft.table.ClaimFault(e.draft.Kind, s); fault != nil {
		message = fmt.Sprintf("%q has the name of kind %q, but %v", s.Path, e.draft.Kind.Name, fault)
	}
	hint := e.draft.table.Expected(e.draft.Kind, e.As)
	if !s.IsDir() {
		for _, almost := range roles.AlmostOfKind(s) {
			message, hint = fmt.Sprintf("%q: %s", almost.File, almost.Message), almost.Hint
		}
	}
	e.refuse(hint, "%s", message)
}

// packing returns the declared packing, or else that of the role.
func (e *entry) packing(r roles.Role) mediatypes.Packing {
	if e.Packing != "" {
		return e.Packing
	}
	return r.Packed()
}

// addDirectory makes one layer of a directory if a role takes directories, or else a layer of each file below it.
func (e *entry) addDirectory(s *tree.Sample) {
	if e.Packing == mediatypes.Raw && !e.draft.Kind.Expand {
		e.refuse("packing: tar+gzip", "%q is a directory; raw packing needs a file", e.Path)
		return
	}
	filter, ok := e.newFilter(s.Path)
	if !ok {
		return
	}
	r, found := e.findRole(s)
	if !found && e.Packing != "" && e.Packing != mediatypes.Raw {
		r, found = e.findTarRole()
	}
	switch {
	case found && e.packing(r) != mediatypes.Raw:
		if filter, ok = e.addDefaults(s.Path, r, filter); !ok || !e.checkTree(s.Path, filter, r) {
			return
		}
		e.add(r, s, spec.Layer{Path: s.Path, Dir: true, Packing: e.packing(r), Size: -1,
			Entries: spec.Entries{Exclude: roles.RelativeTo(s.Path, filter), Split: e.isSplit(r)}})
	case e.draft.Kind.Expand:
		e.addFiles(s.Path, filter)
	default:
		e.reportNoRole(s)
	}
}

// findTarRole returns the role for a declared packing, and for a declared role if there is one. It prefers a role that keeps the name of the
// directory.
func (e *entry) findTarRole() (role roles.Role, found bool) {
	for _, t := range e.draft.Kind.Layers {
		_, ok := t.For(e.Packing)
		if (ok || e.MediaType != "") && (e.As == "" && t.Content == "" || e.As == t.Role) && (!found || role.Prefix == "" && t.Prefix != "") {
			role, found = roles.Role{LayerType: t}, true
		}
	}
	return role, found
}

// newFilter returns the filter of a directory. It leaves out the paths that .davitignore, exclude, and the native client leave out, and
// davit's own files.
func (e *entry) newFilter(dir string) (spec.Filter, bool) {
	exclude, err := roles.ExcludeFilter(e.draft.Kind, dir, e.Exclude...)
	if err != nil {
		e.failed = true
		e.report("/exclude", fmt.Sprintf("exclude: %v", err), "")
		return nil, false
	}
	filter, err := tree.IgnoreFilter(e.draft.FS, dir)
	var ignored spec.Filter
	if err == nil {
		e.client, ignored, err = e.draft.table.ClientFilters(e.draft.FS, e.draft.Kind, dir)
	}
	if err != nil {
		e.refuse("", "%v", err)
		return nil, false
	}
	e.elsewhere = e.ownFiles()
	own := e.elsewhere
	return roles.AnyOf(func(name string, _ bool) bool { return slices.Contains(own, name) }, filter, exclude, ignored), true
}

// recordLeftOut records a path that a filter leaves out, unless it is a file of davit itself, or packed elsewhere.
func (e *entry) recordLeftOut(name string, isDir bool) {
	which, out := roles.Excludes(e.client, name, isDir)
	switch {
	case out:
		e.draft.LeftOut = append(e.draft.LeftOut, which)
	case !tree.IsOwnName(path.Base(name)) && !slices.Contains(e.elsewhere, name):
		e.draft.LeftOut = append(e.draft.LeftOut, roles.EntryName(name, isDir))
	}
}

// addDefaults returns filter, extended by the paths that the kind's native client leaves out by default, and adds a note about them. An
// exclude in the entry replaces these defaults.
func (e *entry) addDefaults(dir string, r roles.Role, filter spec.Filter) (spec.Filter, bool) {
	if len(r.Exclude) == 0 || e.Exclude != nil {
		return filter, true
	}
	usual, err := tree.NewIgnorer(dir, []byte(strings.Join(r.Exclude, "\n")))
	if err != nil {
		e.refuse("", "%q: %v", dir, err) // the kind is not from a kind file, whose patterns are checked
		return nil, false
	}
	before := len(e.draft.LeftOut)
	e.walk(dir, func(name string, isDir bool) bool {
		if filter(name, isDir) {
			return true
		}
		out := usual.Excludes(name, isDir)
		if out {
			e.draft.LeftOut = append(e.draft.LeftOut, roles.EntryName(name, isDir))
		}
		return out
	}, func(string, fs.DirEntry) bool { return true })
	if len(e.draft.LeftOut) > before {
		e.draft.Notes = append(e.draft.Notes, fmt.Sprintf("%s: files that %s leaves out are not packed; an exclude of your own, even [], replaces these",
			e.draft.Kind.Name, strings.Join(e.draft.Kind.Clients, ", ")))
	}
	return func(name string, isDir bool) bool { return filter(name, isDir) || usual.Excludes(name, isDir) }, true
}

// ownFiles lists the files of davit itself beside the content: the declaration, and the layout that "davit pack" writes
// by default, which would become part of the next artifact.
func (e *entry) ownFiles() []string {
	var own []string
	if e.draft.Spec.Source() != nil {
		own = append(own, "davit.yaml", path.Base(filepath.ToSlash(e.draft.Spec.Source().File)))
		if declare.IsKindFile(e.draft.Spec.Kind) {
			own = append(own, path.Clean(e.draft.Spec.Kind))
		}
	}
	if _, err := fs.Stat(e.draft.FS, "oci/oci-layout"); err == nil {
		own = append(own, "oci")
	}
	return own
}
