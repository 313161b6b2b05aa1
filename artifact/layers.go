package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/mediatypes"
)

// maxLayers keeps the manifest below the 4 MiB that registries take, with some 400 bytes for each layer.
const maxLayers = 10_000

// maxBad is how many bad files of one directory are problems; more of them say nothing new.
const maxBad = 20

// choose finds the files of every declared layer.
func (c *composition) choose() {
	c.named = map[string]bool{}
	for _, l := range c.spec.Layers {
		if (&entry{composition: c, LayerSpec: l}).outright() {
			c.named[path.Clean(l.Path)] = true
		}
	}
	for i, l := range c.spec.Layers {
		if message, _ := badPath(l.Path); l.Path == "" || message != "" {
			c.unfound = append(c.unfound, l) // a problem of the Spec already
			continue
		}
		e := &entry{composition: c, LayerSpec: l, at: layerAt(i)}
		if e.outright() {
			e.single()
		} else {
			e.glob()
		}
		if e.failed {
			c.unfound = append(c.unfound, l)
		}
		if len(c.layers) > maxLayers {
			c.report(c.spec.Problem(e.at, fmt.Sprintf("makes more than %d layers", maxLayers), "pack directories: packing: tar+gzip"))
			return
		}
	}
	if len(c.layers) == 0 && len(c.unfound) == 0 && len(c.leftOut) > 0 {
		c.report(c.spec.Problem("/layers", "there is nothing to pack besides what "+strings.Join(c.kind.Clients, ", ")+" leaves out: "+some(unique(c.leftOut)), ""))
	}
}

// entry is one entry of layers while its files are looked up.
type entry struct {
	*composition
	LayerSpec
	at     string
	failed bool
	warned bool   // see warnOfGit
	client Filter // what the native client leaves out, as far as the entry does not take it back; nil: nothing
}

// refuse reports a problem with the entry.
func (e *entry) refuse(hint, format string, args ...any) {
	e.failed = true
	e.report(e.spec.Problem(e.at+"/path", fmt.Sprintf(format, args...), hint))
}

// unreadable reports what the file system does not give.
func (e *entry) unreadable(name string, err error) {
	e.failed = true
	e.report(e.spec.Problem(e.at+"/path", "", "").Unreadable(name, err))
}

func isGlob(p string) bool { return strings.ContainsAny(p, "*?[{") }

// outright tells whether the path names a file, also where it looks like a glob.
func (e *entry) outright() bool {
	if !isGlob(e.Path) {
		return true
	}
	_, err := fs.Stat(e.fsys, path.Clean(e.Path))
	return err == nil
}

// locate cleans a path and follows its links. The problem says why it can't be used: it is not there, or a link leads
// out of the file system.
func locate(fsys fs.FS, name string) (clean, problem string) {
	clean = path.Clean(name)
	if problem := linkOut(fsys, ".", clean); problem != "" {
		return clean, problem
	}
	if _, err := fs.Stat(fsys, clean); errors.Is(err, fs.ErrNotExist) {
		if _, err := fs.Lstat(fsys, clean); err == nil {
			return clean, "is a link that leads nowhere"
		}
		return clean, "does not exist"
	} else if err != nil {
		return clean, "can't be read: " + cause(err)
	}
	return clean, ""
}

// leadsNowhere ends what is said of a link that leads to itself.
const leadsNowhere = "leads nowhere"

// linkOut follows the links on the way from a directory to a file below it and names one that leaves the directory.
func linkOut(fsys fs.FS, dir, name string) string {
	const maxLinks = 40
	rest, done, via := strings.Split(below(dir, name), "/"), dir, ""
	for links := 0; len(rest) > 0; {
		next := path.Join(done, rest[0])
		if !within(dir, next) {
			return fmt.Sprintf("leaves the directory through the link %s", via)
		}
		info, err := fs.Lstat(fsys, next)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			done, rest = next, rest[1:]
			continue
		}
		target, err := fs.ReadLink(fsys, next)
		if links++; err != nil || links > maxLinks {
			return fmt.Sprintf("goes through the link %q, which "+leadsNowhere, next)
		}
		via = fmt.Sprintf("%q -> %q", next, target)
		if path.IsAbs(target) {
			return fmt.Sprintf("leaves the directory through the link %s", via)
		}
		rest = append(strings.Split(target, "/"), rest[1:]...)
	}
	return ""
}

// within tells whether a clean path is a directory or stands below it.
func within(dir, name string) bool {
	if dir == "." {
		return name != ".." && !strings.HasPrefix(name, "../")
	}
	return name == dir || strings.HasPrefix(name, dir+"/")
}

// cause is the reason of an error of a file system without the operation and path, which messages name themselves.
func cause(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}

// single takes one file or directory.
func (e *entry) single() {
	name, problem := locate(e.fsys, e.Path)
	if problem != "" {
		hint := ""
		if problem == "does not exist" {
			hint = e.nearby(name)
		}
		e.refuse(hint, "%q %s", e.Path, problem)
		return
	}
	info, err := fs.Stat(e.fsys, name)
	switch {
	case err != nil:
		e.unreadable(e.Path, err)
	case e.ignored(name, info.IsDir()):
	case info.IsDir():
		e.directory(&sample{fsys: e.fsys, path: name, info: info})
	case strings.HasSuffix(e.Path, "/"):
		e.refuse("leave out the slash at the end", "%q is a file, not a directory", e.Path)
	default:
		e.checkFileOptions()
		e.file(&sample{fsys: e.fsys, path: name, info: info})
	}
}

// ignored leaves out a path that the native client's ignore file lists, although the entry names it: that client packs it
// in no way.
func (e *entry) ignored(name string, isDir bool) bool {
	filter, err := ignoreFileFilter(e.fsys, e.kind, path.Dir(name))
	if err != nil {
		e.refuse("", "%v", err)
		return true
	}
	which, out := leavesOut(filter, name, isDir)
	if out {
		e.leftOut = append(e.leftOut, which)
	}
	return out
}

// nearby suggests a file of a similar name in the same directory.
func (e *entry) nearby(name string) string {
	entries, err := fs.ReadDir(e.fsys, path.Dir(name))
	if err != nil {
		return ""
	}
	best, distance := "", 3
	for _, entry := range entries {
		if d := editDistance(entry.Name(), path.Base(name)); d < distance {
			best, distance = path.Join(path.Dir(name), entry.Name()), d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// checkFileOptions reports options of directories on a file.
func (e *entry) checkFileOptions() {
	if e.Split != nil && *e.Split {
		e.report(e.spec.KeyProblem(e.at+"/split", fmt.Sprintf("%q is a file; only directories can be split", e.Path), ""))
	}
	if len(e.Exclude) > 0 {
		e.report(e.spec.KeyProblem(e.at+"/exclude", fmt.Sprintf("%q is a file; there is nothing to exclude", e.Path), ""))
	}
}

// file makes a layer of one file.
func (e *entry) file(s *sample) {
	if !s.info.Mode().IsRegular() {
		e.refuse("", "%q is neither a file nor a directory", s.path)
		return
	}
	if s.begin(); s.err != nil {
		e.unreadable(s.path, s.err)
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
			e.report(e.spec.KeyProblem(e.at+"/preserve", fmt.Sprintf("%q is packed raw, which keeps no modes or owners", s.path), "packing: tar+gzip"))
		}
		e.add(r, s, Layer{Path: s.path, Packing: packing, Size: s.info.Size()})
		return
	}
	e.add(r, s, Layer{Path: path.Dir(s.path), Files: []string{s.path}, Packing: packing, Size: -1})
}

// archive makes a layer of the entries of a tar.
func (e *entry) archive(r role, s *sample, packing mediatypes.Packing) {
	if e.Preserve != nil && !*e.Preserve {
		e.report(e.spec.KeyProblem(e.at+"/preserve", fmt.Sprintf("%q is a tar, whose entries keep their modes and owners", s.path), ""))
	}
	e.add(r, s, Layer{Path: s.path, Archive: true, Packing: packing, Size: -1})
}

// role finds the role of a file or directory in the kind.
func (e *entry) role(s *sample) (role, bool) {
	if e.kind.Name == "" {
		return e.table.findRole(e.kind, s, "")
	}
	return e.table.findRole(e.kind, s, e.As)
}

// noRole reports a file that the kind has no use for.
func (e *entry) noRole(s *sample) {
	if e.As != "" && !slices.Contains(e.kind.Roles(), e.As) {
		e.failed = true
		e.report(e.spec.Problem(e.at+"/as", fmt.Sprintf("kind %q has no role %q", e.kind.Name, e.As), didYouMean(e.As, e.kind.Roles())))
		return
	}
	message := fmt.Sprintf("%q plays no role in kind %q", s.path, e.kind.Name)
	if e.As != "" {
		message = fmt.Sprintf("%q is not %q of kind %q", s.path, e.As, e.kind.Name)
	}
	if s.isDir() {
		message = fmt.Sprintf("%q is a directory; kind %q needs files", s.path, e.kind.Name)
	} else if fault := e.table.claimFault(e.kind, s); fault != nil {
		message = fmt.Sprintf("%q has the name of kind %q, but %v", s.path, e.kind.Name, fault)
	}
	e.refuse(e.table.expected(e.kind, e.As), "%s", message)
}

// packing is the declared one, else the kind's.
func (e *entry) packing(r role) mediatypes.Packing {
	if e.Packing != "" {
		return e.Packing
	}
	return r.Packed()
}

// directory makes one layer of a directory where a role takes it whole, else one of each file under it.
func (e *entry) directory(s *sample) {
	if e.Packing == mediatypes.Raw && !e.kind.Expand {
		e.refuse("packing: tar+gzip", "%q is a directory; raw packing needs a file", e.Path)
		return
	}
	filter, ok := e.filter(s.path)
	if !ok {
		return
	}
	r, found := e.role(s)
	if !found && e.Packing != "" && e.Packing != mediatypes.Raw {
		r, found = e.tarRole()
	}
	switch {
	case found && e.packing(r) != mediatypes.Raw:
		if filter, ok = e.asKind(s.path, r, filter); !ok || !e.checkTree(s.path, filter, e.preserve(r)) {
			return
		}
		e.add(r, s, Layer{Path: s.path, Dir: true, Packing: e.packing(r), Size: -1,
			Entries: spec.Entries{Exclude: relative(s.path, filter), Split: e.split(r)}})
	case e.kind.Expand:
		e.files(s.path, filter)
	default:
		e.noRole(s)
	}
}

// tarRole is the role of a tar that is asked for by packing, and by name where there are several.
func (e *entry) tarRole() (role, bool) {
	for _, t := range e.kind.Layers {
		if _, ok := t.For(e.Packing); (ok || e.MediaType != "") && (e.As == "" && t.Content == "" || e.As == t.Role) {
			return role{LayerType: t}, true
		}
	}
	return role{}, false
}

// relative makes a filter of paths of the file system one of paths below dir.
func relative(dir string, filter Filter) Filter {
	return func(name string, isDir bool) bool { return filter(path.Join(dir, name), isDir) }
}

// filter leaves out what .davitignore, exclude and the native client do, and davit's own files.
func (e *entry) filter(dir string) (Filter, bool) {
	exclude, err := excludeFilter(e.kind, dir, e.Exclude...)
	if err != nil {
		e.failed = true
		e.report(e.spec.Problem(e.at+"/exclude", fmt.Sprintf("exclude: %v", err), ""))
		return nil, false
	}
	filter, err := ignoreFilter(e.fsys, dir)
	if err == nil {
		e.client, err = clientFilter(e.fsys, e.kind, dir)
	}
	var ignored Filter
	if err == nil {
		ignored, err = ignoreFileFilter(e.fsys, e.kind, dir)
	}
	if err != nil {
		e.refuse("", "%v", err)
		return nil, false
	}
	own := e.ownFiles()
	return anyOf(func(name string, _ bool) bool { return slices.Contains(own, name) }, filter, exclude, ignored), true
}

// leave records a path that a filter leaves out if the native client does so: what the declaration excludes, its author
// knows.
func (e *entry) leave(name string, isDir bool) {
	if which, out := leavesOut(e.client, name, isDir); out {
		e.leftOut = append(e.leftOut, which)
	}
}

// asKind leaves out besides what the kind's client leaves out by itself, and says what that is. An exclude of the entry's
// own stands for it.
func (e *entry) asKind(dir string, r role, filter Filter) (Filter, bool) {
	if len(r.Exclude) == 0 || e.Exclude != nil {
		return filter, true
	}
	usual, err := newIgnorer(dir, []byte(strings.Join(r.Exclude, "\n")))
	if err != nil {
		e.refuse("", "%q: %v", dir, err) // of a kind that no file was read for
		return nil, false
	}
	var left []string
	e.walk(dir, func(name string, isDir bool) bool {
		if filter(name, isDir) {
			return true
		}
		out := usual.leavesOut(name, isDir)
		if out {
			left = append(left, below(dir, name))
		}
		return out
	}, func(string, fs.DirEntry) bool { return true })
	if len(left) > 0 {
		e.notes = append(e.notes, fmt.Sprintf("%s: %s left out, as %s does; an exclude of your own, be it [], says otherwise",
			e.kind.Name, some(left), strings.Join(e.kind.Clients, ", ")))
	}
	return func(name string, isDir bool) bool { return filter(name, isDir) || usual.leavesOut(name, isDir) }, true
}

// some names the first few of a list, and counts the others.
func some(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// ownFiles are what lies beside the content for davit's sake: the declaration, and the layout that "davit pack" writes
// unless told otherwise, which would else be part of the next artifact.
func (e *entry) ownFiles() []string {
	var own []string
	if e.spec.Source() != nil {
		own = append(own, "davit.yaml", path.Base(filepath.ToSlash(e.spec.Source().File)))
		if IsKindFile(e.spec.Kind) {
			own = append(own, path.Clean(e.spec.Kind))
		}
	}
	if _, err := fs.Stat(e.fsys, "oci/oci-layout"); err == nil {
		own = append(own, "oci")
	}
	return own
}

// checkTree walks a directory that becomes one layer: it must hold something, and no link may lead out of it.
func (e *entry) checkTree(dir string, filter Filter, preserve bool) bool {
	files, bad := 0, 0
	ok := e.walk(dir, filter, func(name string, d fs.DirEntry) bool {
		files++
		e.warnOfGit(name)
		problem := ""
		switch {
		case e.kind.Shape != mediatypes.Artifact && strings.Contains("/"+name, "/.wh."):
			problem = "can't be in an image: there, a name that begins with .wh. stands for a deleted file"
		case d.Type().IsRegular():
		case d.Type()&fs.ModeSymlink != 0:
			problem = linkOut(e.fsys, dir, name)
			if preserve && strings.HasSuffix(problem, leadsNowhere) {
				problem = "" // a backup keeps it
			}
		default:
			problem = "is neither a file nor a directory"
		}
		if problem != "" {
			e.refuse("exclude it", "%q %s", name, problem)
			bad++
		}
		return bad < maxBad
	})
	if ok && files == 0 && !e.mayBeEmpty() {
		e.refuse("", "%q has no files in it%s", e.Path, e.butLeftOut())
		return false
	}
	return ok
}

// warnOfGit warns of a repository's own files among those to pack, once for each entry: they hold more than the content.
func (e *entry) warnOfGit(name string) {
	before, _, found := strings.Cut("/"+name, "/.git/")
	if found && !e.warned {
		e.warned = true
		e.warnings = append(e.warnings, fmt.Sprintf("%s is packed too; name it in %s if it should not be", strings.TrimPrefix(before+"/.git", "/"), ignoreFile))
	}
}

// mayBeEmpty: an empty volume or image is one all the same.
func (e *entry) mayBeEmpty() bool { return e.kind.Shape == mediatypes.Image }

// walk visits what is not a directory below dir, in order, until a visit says no.
func (e *entry) walk(dir string, filter Filter, visit func(name string, d fs.DirEntry) bool) bool {
	err := fs.WalkDir(e.fsys, dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			e.unreadable(name, err)
			return fs.SkipAll
		case name != dir && filter(name, d.IsDir()):
			e.leave(name, d.IsDir())
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir() && !visit(name, d):
			return fs.SkipAll
		}
		return nil
	})
	return err == nil && !e.failed
}

// files makes a layer of each file under a directory.
func (e *entry) files(dir string, filter Filter) {
	if e.Title != "" {
		e.report(e.spec.Problem(e.at+"/title", fmt.Sprintf("%q is packed file by file; one title can't name them all", e.Path), ""))
	}
	before := len(e.layers)
	e.walk(dir, filter, func(name string, _ fs.DirEntry) bool {
		e.warnOfGit(name)
		e.found(name)
		return len(e.layers)-before <= maxLayers
	})
	if len(e.layers) == before && !e.failed {
		e.refuse("", "%q has no files in it%s", e.Path, e.butLeftOut())
	}
}

// butLeftOut says that a directory is not empty, although nothing of it is packed.
func (e *entry) butLeftOut() string {
	if len(e.leftOut) == 0 {
		return ""
	}
	return fmt.Sprintf(" besides those that %s leaves out: %s", strings.Join(e.kind.Clients, ", "), some(unique(e.leftOut)))
}

// found takes a file that was not named itself.
func (e *entry) found(name string) {
	if _, problem := locate(e.fsys, name); problem != "" {
		e.refuse("exclude it", "%q %s", name, problem)
		return
	}
	if info, err := fs.Stat(e.fsys, name); err != nil {
		e.unreadable(name, err)
	} else if info.IsDir() {
		e.refuse("name the directory itself", "%q is a link to a directory", name)
	} else {
		e.file(&sample{fsys: e.fsys, path: name, info: info})
	}
}

// glob takes every file that matches: a layer each, or one tar of them all.
func (e *entry) glob() {
	base, _ := doublestar.SplitPattern(path.Clean(e.Path))
	if _, problem := locate(e.fsys, base); problem == "does not exist" {
		e.refuse("", "%q matches no files", e.Path)
		return
	} else if problem != "" {
		e.refuse("", "%q %s", e.Path, problem)
		return
	}
	filter, ok := e.filter(base)
	if !ok {
		return
	}
	names := e.expand(filter)
	if e.failed {
		return
	}
	if packing := e.globPacking(); packing != mediatypes.Raw {
		e.tarOf(base, names, packing)
		return
	}
	if e.Title != "" && len(names) > 1 {
		e.report(e.spec.Problem(e.at+"/title", fmt.Sprintf("%q matches %d files; one title can't name them all", e.Path, len(names)), ""))
		return
	}
	for _, name := range names {
		if len(e.layers) > maxLayers {
			return
		}
		if strings.HasSuffix(e.Path, "/") {
			inner := *e
			inner.LayerSpec.Path = name
			inner.single()
			e.failed = e.failed || inner.failed
			continue
		}
		e.found(name)
	}
}

// expand lists what a glob matches, without what another entry names outright: that is not the glob's.
func (e *entry) expand(filter Filter) []string {
	pattern, dirs := strings.CutSuffix(e.Path, "/")
	pattern = path.Clean(pattern)
	if !doublestar.ValidatePattern(pattern) {
		e.refuse("", "%q is not a glob pattern", e.Path)
		return nil
	}
	matched, err := doublestar.Glob(e.fsys, pattern, doublestar.WithNoFollow(), doublestar.WithFailOnIOErrors())
	if err != nil {
		e.refuse("", "%q: %s", e.Path, cause(err))
		return nil
	}
	var names []string
	leftOut := 0
	for _, name := range matched {
		info, err := fs.Stat(e.fsys, name)
		if err == nil && info.IsDir() != dirs || name == "." {
			continue
		}
		if _, out := leavesOut(filter, name, dirs); out {
			e.leave(name, dirs)
			leftOut++
		} else if !e.named[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	switch {
	case len(names) == 0 && leftOut > 0:
		e.refuse("", "%q matches nothing but what is excluded", e.Path)
	case len(names) == 0:
		e.refuse("", "%q matches no files", e.Path)
	}
	return names
}

// globPacking is the packing of a glob: a tar when the entry says so, or the role that it names.
func (e *entry) globPacking() mediatypes.Packing {
	if e.Packing != "" {
		return e.Packing
	}
	if t, ok := e.kind.Role(e.As); ok && e.As != "" && !slices.ContainsFunc(e.kind.Layers, func(o mediatypes.LayerType) bool {
		return o.Role == e.As && o.Packed() == mediatypes.Raw
	}) {
		return t.Packed()
	}
	return mediatypes.Raw
}

// tarOf makes one tar of chosen files.
func (e *entry) tarOf(base string, names []string, packing mediatypes.Packing) {
	e.Packing = packing
	r, ok := e.tarRole()
	if !ok {
		e.report(e.spec.Problem(e.at+"/packing", fmt.Sprintf("kind %q can't pack %q as %s", e.kind.Name, e.Path, packing), "say which role with as:, or give a mediaType"))
		e.failed = true
		return
	}
	for _, name := range names {
		if _, problem := locate(e.fsys, name); problem != "" {
			e.refuse("exclude it", "%q %s", name, problem)
		} else if info, err := fs.Stat(e.fsys, name); err != nil || !info.Mode().IsRegular() {
			e.refuse("exclude it", "%q is not a file", name)
		}
	}
	info, err := fs.Stat(e.fsys, base)
	if err != nil {
		e.unreadable(base, err)
		return
	}
	e.add(r, &sample{fsys: e.fsys, path: base, info: info}, Layer{Path: base, Files: names, Packing: packing, Size: -1})
}

// titlePrefix is the LayerType.Prefix of what oras unpacks.
const titlePrefix = "{title}/"

// add completes a layer with what the role and the entry say.
func (e *entry) add(r role, s *sample, l Layer) {
	alone := l.Path == "." && len(l.Files) == 1 && e.Title == "" && r.Prefix == titlePrefix
	l.Role = r.Role
	if alone {
		l.Title, r.Prefix = l.Files[0]+l.Packing.Extension(), "" // without a directory there is none to be named after
	} else {
		l.Title = e.title(r, l)
	}
	mediaType, ok := r.For(l.Packing)
	if e.MediaType != "" {
		mediaType, ok = e.MediaType, true
	}
	if !ok && e.kind.Name != "" {
		e.report(e.spec.Problem(e.at+"/packing", fmt.Sprintf("kind %q does not pack role %q as %s", e.kind.Name, r.Role, l.Packing), packings(r.LayerType)))
	}
	l.MediaType = mediaType
	if l.Packing != mediatypes.Raw {
		l.Prefix = strings.ReplaceAll(r.Prefix, "{title}", l.Title)
		l.Unpack = r.Prefix == titlePrefix && l.Packing == mediatypes.TarGzip
		l.Preserve = e.preserve(r)
		l.Image = e.kind.Shape != mediatypes.Artifact
	}
	l.Annotations = layerAnnotations(r, s.path, e.Annotations)
	if r.evidence != "" && !r.Tells {
		e.notes = append(e.notes, fmt.Sprintf("%s: %s is the %s, it %s", e.kind.Name, s.path, r.Role, r.evidence))
	}
	e.layers = append(e.layers, &chosen{Layer: l, role: r, info: s.info, at: e.at})
}

// preserve is what the entry says, else what the kind has.
func (e *entry) preserve(r role) bool {
	if e.Preserve != nil {
		return *e.Preserve
	}
	return r.Preserve
}

// split is what the entry says, else what the kind has.
func (e *entry) split(r role) bool {
	if e.Split != nil {
		return *e.Split
	}
	return r.Split
}

// title is the declared one, else the path; a file beside the declaration stands in no directory that could name its tar.
func (e *entry) title(r role, l Layer) string {
	switch {
	case e.Title != "":
		return e.Title
	case r.Untitled:
		return ""
	case l.Path != ".":
		return l.Path
	case len(l.Files) == 1:
		return l.Files[0]
	}
	title := e.kind.Name
	for _, name := range []string{e.spec.Name, e.spec.Dir} {
		if name != "" && badTitle(name) == "" {
			title = name
		}
	}
	e.notes = append(e.notes, fmt.Sprintf("%s: %s is titled %q", e.kind.Name, e.Path, title))
	return title
}

// packings is the hint that lists how a role can be packed.
func packings(t mediatypes.LayerType) string {
	var known []string
	for _, p := range []mediatypes.Packing{mediatypes.Raw, mediatypes.Tar, mediatypes.TarGzip, mediatypes.TarZstd} {
		if _, ok := t.For(p); ok {
			known = append(known, string(p))
		}
	}
	return "one of " + strings.Join(known, ", ") + "; or give a mediaType"
}

func layerAnnotations(r role, name string, declared map[string]string) map[string]string {
	if len(r.Annotations)+len(declared) == 0 {
		return nil
	}
	all := map[string]string{}
	for key, value := range r.Annotations {
		all[key] = strings.NewReplacer("{path}", name, "{base}", path.Base(name)).Replace(value)
	}
	for key, value := range declared {
		all[key] = value
	}
	return all
}
