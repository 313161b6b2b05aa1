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
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// maxLayers keeps the manifest below the 4 MiB that registries take, with some 400 bytes for each layer.
const maxLayers = 10_000

// maxBad is how many bad files of one directory are problems; more of them say nothing new.
const maxBad = 20

// choose finds the files of every declared layer.
func (c *Draft) choose() {
	c.named = map[string]bool{}
	for _, l := range c.Spec.Layers {
		if (&lookup{Draft: c, LayerSpec: l}).outright() {
			c.named[path.Clean(l.Path)] = true
		}
	}
	for i, l := range c.Spec.Layers {
		if message, _ := declare.BadPath(l.Path); l.Path == "" || message != "" {
			c.Unfound = append(c.Unfound, l) // a problem of the Spec already
			continue
		}
		e := &lookup{Draft: c, LayerSpec: l, at: declare.LayerAt(i)}
		if e.outright() {
			e.single()
		} else {
			e.glob()
		}
		if e.failed {
			c.Unfound = append(c.Unfound, l)
		}
		if len(c.Layers) > maxLayers {
			c.Report(c.Spec.Problem(e.at, fmt.Sprintf("makes more than %d layers", maxLayers), "pack directories: packing: tar+gzip"))
			return
		}
	}
	if len(c.Layers) == 0 && len(c.Unfound) == 0 && len(c.LeftOut) > 0 {
		c.Report(c.Spec.Problem("/layers", "there is nothing to pack besides what "+strings.Join(c.Kind.Clients, ", ")+" leaves out: "+FirstFew(Unique(c.LeftOut)), ""))
	}
}

// lookup is one entry of layers while its files are looked up.
type lookup struct {
	*Draft
	spec.LayerSpec
	at     string
	failed bool
	warned bool        // see warnOfGit
	client spec.Filter // what the native client leaves out, as far as the entry does not take it back; nil: nothing
}

// refuse reports a problem with the entry.
func (e *lookup) refuse(hint, format string, args ...any) {
	e.failed = true
	e.Report(e.Spec.Problem(e.at+"/path", fmt.Sprintf(format, args...), hint))
}

// unreadable reports what the file system does not give.
func (e *lookup) unreadable(name string, err error) {
	e.failed = true
	e.Report(e.Spec.Problem(e.at+"/path", "", "").Unreadable(name, err))
}

func IsGlob(p string) bool { return strings.ContainsAny(p, "*?[{") }

// outright reports whether the path names a file, even if it looks like a glob.
func (e *lookup) outright() bool {
	if !IsGlob(e.Path) {
		return true
	}
	_, err := fs.Stat(e.FS, path.Clean(e.Path))
	return err == nil
}

// single takes one file or directory.
func (e *lookup) single() {
	name, problem := tree.Locate(e.FS, e.Path)
	if problem != "" {
		hint := ""
		if problem == "does not exist" {
			hint = e.nearby(name)
		}
		e.refuse(hint, "%q %s", e.Path, problem)
		return
	}
	info, err := fs.Stat(e.FS, name)
	switch {
	case err != nil:
		e.unreadable(e.Path, err)
	case e.ignored(name, info.IsDir()):
	case info.IsDir():
		e.directory(&tree.Sample{FS: e.FS, Path: name, Info: info})
	case strings.HasSuffix(e.Path, "/"):
		e.refuse("leave out the slash at the end", "%q is a file, not a directory", e.Path)
	default:
		e.checkFileOptions()
		e.file(&tree.Sample{FS: e.FS, Path: name, Info: info})
	}
}

// ignored leaves out a path that the native client's ignore file lists, although the entry names it: that client packs it
// in no way.
func (e *lookup) ignored(name string, isDir bool) bool {
	filter, err := roles.IgnoreFileFilter(e.FS, e.Kind, path.Dir(name))
	if err != nil {
		e.refuse("", "%v", err)
		return true
	}
	which, out := roles.LeavesOut(filter, name, isDir)
	if out {
		e.LeftOut = append(e.LeftOut, which)
	}
	return out
}

// nearby suggests a file of a similar name in the same directory.
func (e *lookup) nearby(name string) string {
	entries, err := fs.ReadDir(e.FS, path.Dir(name))
	if err != nil {
		return ""
	}
	best, distance := "", 3
	for _, entry := range entries {
		if d := textdist.Distance(entry.Name(), path.Base(name)); d < distance {
			best, distance = path.Join(path.Dir(name), entry.Name()), d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// checkFileOptions reports options of directories on a file.
func (e *lookup) checkFileOptions() {
	if e.Split != nil && *e.Split {
		e.Report(e.Spec.KeyProblem(e.at+"/split", fmt.Sprintf("%q is a file; only directories can be split", e.Path), ""))
	}
	if len(e.Exclude) > 0 {
		e.Report(e.Spec.KeyProblem(e.at+"/exclude", fmt.Sprintf("%q is a file; there is nothing to exclude", e.Path), ""))
	}
}

// file makes a layer of one file.
func (e *lookup) file(s *tree.Sample) {
	if !s.Info.Mode().IsRegular() {
		e.refuse("", "%q is neither a file nor a directory", s.Path)
		return
	}
	if s.Head(); s.Err != nil {
		e.unreadable(s.Path, s.Err)
		return
	}
	r, ok := e.role(s)
	if !ok {
		e.noRole(s)
		return
	}
	packing := e.packing(r)
	if r.Archive && packing != mediatypes.Raw {
		e.archive(r, s, packing)
		return
	}
	if packing == mediatypes.Raw {
		if e.Preserve != nil && *e.Preserve {
			e.Report(e.Spec.KeyProblem(e.at+"/preserve", fmt.Sprintf("%q is packed raw, which keeps no modes or owners", s.Path), "packing: tar+gzip"))
		}
		e.add(r, s, spec.Layer{Path: s.Path, Packing: packing, Size: s.Info.Size()})
		return
	}
	e.add(r, s, spec.Layer{Path: path.Dir(s.Path), Files: []string{s.Path}, Packing: packing, Size: -1})
}

// archive makes a layer of the entries of a tar.
func (e *lookup) archive(r roles.Role, s *tree.Sample, packing mediatypes.Packing) {
	if e.Preserve != nil && !*e.Preserve {
		e.Report(e.Spec.KeyProblem(e.at+"/preserve", fmt.Sprintf("%q is a tar, whose entries keep their modes and owners", s.Path), ""))
	}
	e.add(r, s, spec.Layer{Path: s.Path, Archive: true, Packing: packing, Size: -1})
}

// role finds the role of a file or directory in the kind.
func (e *lookup) role(s *tree.Sample) (roles.Role, bool) {
	if e.Kind.Name == "" {
		return e.Table.FindRole(e.Kind, s, "")
	}
	return e.Table.FindRole(e.Kind, s, e.As)
}

// noRole reports a file that the kind has no use for.
func (e *lookup) noRole(s *tree.Sample) {
	if e.As != "" && !slices.Contains(e.Kind.Roles(), e.As) {
		e.failed = true
		e.Report(e.Spec.Problem(e.at+"/as", fmt.Sprintf("kind %q has no role %q", e.Kind.Name, e.As), textdist.Suggest(e.As, e.Kind.Roles())))
		return
	}
	message := fmt.Sprintf("%q plays no role in kind %q", s.Path, e.Kind.Name)
	if e.As != "" {
		message = fmt.Sprintf("%q is not %q of kind %q", s.Path, e.As, e.Kind.Name)
	}
	if s.IsDir() {
		message = fmt.Sprintf("%q is a directory; kind %q needs files", s.Path, e.Kind.Name)
	} else if fault := e.Table.ClaimFault(e.Kind, s); fault != nil {
		message = fmt.Sprintf("%q has the name of kind %q, but %v", s.Path, e.Kind.Name, fault)
	}
	e.refuse(e.Table.Expected(e.Kind, e.As), "%s", message)
}

// packing is the declared one, else the kind's.
func (e *lookup) packing(r roles.Role) mediatypes.Packing {
	if e.Packing != "" {
		return e.Packing
	}
	return r.Packed()
}

// directory makes one layer of a directory where a role takes it whole, else one of each file under it.
func (e *lookup) directory(s *tree.Sample) {
	if e.Packing == mediatypes.Raw && !e.Kind.Expand {
		e.refuse("packing: tar+gzip", "%q is a directory; raw packing needs a file", e.Path)
		return
	}
	filter, ok := e.filter(s.Path)
	if !ok {
		return
	}
	r, found := e.role(s)
	if !found && e.Packing != "" && e.Packing != mediatypes.Raw {
		r, found = e.tarRole()
	}
	switch {
	case found && e.packing(r) != mediatypes.Raw:
		if filter, ok = e.asKind(s.Path, r, filter); !ok || !e.checkTree(s.Path, filter, e.preserve(r)) {
			return
		}
		e.add(r, s, spec.Layer{Path: s.Path, Dir: true, Packing: e.packing(r), Size: -1,
			Entries: spec.Entries{Exclude: roles.RelativeTo(s.Path, filter), Split: e.split(r)}})
	case e.Kind.Expand:
		e.files(s.Path, filter)
	default:
		e.noRole(s)
	}
}

// tarRole is the role of a tar that is asked for by packing, and by name where there are several.
func (e *lookup) tarRole() (roles.Role, bool) {
	for _, t := range e.Kind.Layers {
		if _, ok := t.For(e.Packing); (ok || e.MediaType != "") && (e.As == "" && t.Content == "" || e.As == t.Role) {
			return roles.Role{LayerType: t}, true
		}
	}
	return roles.Role{}, false
}

// filter leaves out what .davitignore, exclude and the native client do, and davit's own files.
func (e *lookup) filter(dir string) (spec.Filter, bool) {
	exclude, err := roles.ExcludeFilter(e.Kind, dir, e.Exclude...)
	if err != nil {
		e.failed = true
		e.Report(e.Spec.Problem(e.at+"/exclude", fmt.Sprintf("exclude: %v", err), ""))
		return nil, false
	}
	filter, err := tree.IgnoreFilter(e.FS, dir)
	if err == nil {
		e.client, err = roles.ClientFilter(e.FS, e.Kind, dir)
	}
	var ignored spec.Filter
	if err == nil {
		ignored, err = roles.IgnoreFileFilter(e.FS, e.Kind, dir)
	}
	if err != nil {
		e.refuse("", "%v", err)
		return nil, false
	}
	own := e.ownFiles()
	return roles.AnyOf(func(name string, _ bool) bool { return slices.Contains(own, name) }, filter, exclude, ignored), true
}

// leave records a path that a filter leaves out if the native client does so: what the declaration excludes, its author
// knows.
func (e *lookup) leave(name string, isDir bool) {
	if which, out := roles.LeavesOut(e.client, name, isDir); out {
		e.LeftOut = append(e.LeftOut, which)
	}
}

// asKind leaves out besides what the kind's client leaves out by itself, and says what that is. An exclude of the entry's
// own stands for it.
func (e *lookup) asKind(dir string, r roles.Role, filter spec.Filter) (spec.Filter, bool) {
	if len(r.Exclude) == 0 || e.Exclude != nil {
		return filter, true
	}
	usual, err := tree.NewIgnorer(dir, []byte(strings.Join(r.Exclude, "\n")))
	if err != nil {
		e.refuse("", "%q: %v", dir, err) // of a kind that no file was read for
		return nil, false
	}
	var left []string
	e.walk(dir, func(name string, isDir bool) bool {
		if filter(name, isDir) {
			return true
		}
		out := usual.LeavesOut(name, isDir)
		if out {
			left = append(left, tree.Below(dir, name))
		}
		return out
	}, func(string, fs.DirEntry) bool { return true })
	if len(left) > 0 {
		e.Notes = append(e.Notes, fmt.Sprintf("%s: %s left out, as %s does; an exclude of your own, be it [], says otherwise",
			e.Kind.Name, FirstFew(left), strings.Join(e.Kind.Clients, ", ")))
	}
	return func(name string, isDir bool) bool { return filter(name, isDir) || usual.LeavesOut(name, isDir) }, true
}

// FirstFew names the first few of a list, and counts the others.
func FirstFew(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// ownFiles are what lies beside the content for davit's sake: the declaration, and the layout that "davit pack" writes
// unless told otherwise, which would else be part of the next artifact.
func (e *lookup) ownFiles() []string {
	var own []string
	if e.Spec.Source() != nil {
		own = append(own, "davit.yaml", path.Base(filepath.ToSlash(e.Spec.Source().File)))
		if declare.IsKindFile(e.Spec.Kind) {
			own = append(own, path.Clean(e.Spec.Kind))
		}
	}
	if _, err := fs.Stat(e.FS, "oci/oci-layout"); err == nil {
		own = append(own, "oci")
	}
	return own
}
