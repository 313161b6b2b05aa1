package compose

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// excludeHint is the hint for a file that can't be packed.
const excludeHint = "exclude it: name it in " + tree.IgnoreFile

// checkTree checks a directory that becomes one layer. It must have files unless mayBeEmpty is true, its links must not lead out of it
// (an image keeps links unchanged), and a pull must be able to create its names. checkTree returns false if it reported a problem.
func (e *entry) checkTree(dir string, filter spec.Filter, r roles.Role) bool {
	root, preserve, linkHint := dir, e.isPreserved(r), excludeHint
	if r.Follow {
		// Links are replaced by their targets, which may be anywhere below the directory of davit.yaml.
		root, linkHint = ".", excludeHint+", or put davit.yaml in a directory that contains the link and its target"
	}
	files, bad := 0, 0
	image := e.draft.Kind.Shape != mediatypes.Artifact
	isExact := preserve || image
	var special, pipes, links []string
	var collisions archive.Collisions
	ok := e.walk(dir, filter, func(name string, d fs.DirEntry) bool {
		problem, hint := archive.NameProblem(tree.Below(dir, name), isExact), excludeHint
		if !isExact {
			collisions.Add(name)
		}
		if !d.IsDir() {
			files++
			e.warnOfGit(name)
		}
		switch {
		case problem != "":
			problem = "can't be pulled: " + problem
		case d.IsDir():
		case image && strings.Contains("/"+name, "/.wh."):
			problem = "can't be in an image: there, a name that begins with .wh. marks a deleted file"
		case d.Type().IsRegular():
		case d.Type()&fs.ModeSymlink != 0 && image:
			if target, out := tree.LinkTarget(e.draft.FS, dir, name); out && (preserve || !path.IsAbs(target)) {
				links = append(links, tree.Below(dir, name)+" -> "+target) // a pull makes the absolute links of an image relative
			}
		case d.Type()&fs.ModeSymlink != 0:
			problem, hint = tree.LinkOut(e.draft.FS, root, name), linkHint
			if preserve && strings.HasSuffix(problem, tree.LeadsNowhere) {
				problem = "" // a backup keeps broken links
			} else if annexed := tree.Annexed(e.draft.FS, name); !preserve && annexed != "" {
				problem = annexed
			}
		case image && preserve && d.Type() == fs.ModeNamedPipe:
			pipes = append(pipes, tree.Below(dir, name))
		case image:
			special = append(special, tree.Below(dir, name))
		default:
			problem = "is neither a file nor a directory"
		}
		if problem != "" {
			e.refuse(hint, "%q %s", name, problem)
			bad++
		}
		return bad < maxBad
	})
	if collisions.HasCandidates() {
		e.refuseCollisions(dir, filter, &collisions)
	}
	if len(special) > 0 {
		e.draft.Notes = append(e.draft.Notes, fmt.Sprintf("%s: special files are left out: %s", e.draft.Kind.Name, textdist.FirstFew(special)))
	}
	if len(pipes) > 0 {
		e.draft.Notes = append(e.draft.Notes, fmt.Sprintf("%s: named pipes are kept for pull --preserve: %s", e.draft.Kind.Name, textdist.FirstFew(pipes)))
	}
	if len(links) > 0 {
		e.draft.Warnings = append(e.draft.Warnings, fmt.Sprintf("%s: links lead out of the directory: %s; pull --preserve restores them unchanged, but other pulls refuse or change them", e.draft.Kind.Name, textdist.FirstFew(links)))
	}
	if ok && files == 0 && !e.mayBeEmpty() {
		e.refuse("", "%q has no files in it%s", e.draft.Spec.Shown(e.Path), e.describeLeftOut())
		return false
	}
	return ok && !e.failed
}

// refuseCollisions reports names that some systems can't create in the same directory.
func (e *entry) refuseCollisions(dir string, filter spec.Filter, collisions *archive.Collisions) {
	bad := 0
	_ = fs.WalkDir(e.draft.FS, dir, func(name string, d fs.DirEntry, err error) error { // checkTree reported any read error
		if err != nil || name == dir {
			return err
		}
		if filter(name, d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if first, found := collisions.Find(name); found {
			e.refuse("rename or exclude one of them", "%q and %q differ only in case or Unicode normalization", first, name)
			bad++
		}
		if bad == maxBad {
			return fs.SkipAll
		}
		return nil
	})
}

// warnOfGit warns, once for each entry, that .git would be packed, with the history and the settings of the repository.
func (e *entry) warnOfGit(name string) {
	before, _, found := strings.Cut("/"+name, "/.git/")
	if found && !e.warned {
		e.warned = true
		e.draft.Warnings = append(e.draft.Warnings, fmt.Sprintf("%s is packed too; name it in %s if it should not be", strings.TrimPrefix(before+"/.git", "/"), tree.IgnoreFile))
	}
}

// mayBeEmpty reports whether a directory without files may be packed, as an empty image or volume.
func (e *entry) mayBeEmpty() bool { return e.draft.Kind.Shape == mediatypes.Image }

// walk visits everything below dir that filter does not leave out, in order, until visit returns false. It reports whether the entry has no
// errors.
func (e *entry) walk(dir string, filter spec.Filter, visit func(name string, d fs.DirEntry) bool) bool {
	err := fs.WalkDir(e.draft.FS, dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			e.reportUnreadable(name, err)
			return fs.SkipAll
		case name != dir && filter(name, d.IsDir()):
			e.recordLeftOut(name, d.IsDir())
			if d.IsDir() {
				return fs.SkipDir
			}
		case name != dir && !visit(name, d):
			return fs.SkipAll
		}
		return nil
	})
	return err == nil && !e.failed
}

// addFiles makes a layer of each file under a directory.
func (e *entry) addFiles(dir string, filter spec.Filter) {
	if e.Title != "" {
		e.report("/title", fmt.Sprintf("%q is packed file by file; one title can't name them all", e.Path), "")
	}
	before := len(e.draft.Layers)
	e.walk(dir, filter, func(name string, d fs.DirEntry) bool {
		if d.IsDir() {
			return true
		}
		e.warnOfGit(name)
		e.takeFound(name)
		return len(e.draft.Layers)-before <= maxLayers
	})
	if len(e.draft.Layers) == before && !e.failed {
		e.refuse("", "%q has no files in it%s", e.draft.Spec.Shown(e.Path), e.describeLeftOut())
	}
}

// describeLeftOut returns the end of a message about a directory without files to pack: the files that are left out.
func (e *entry) describeLeftOut() string {
	if len(e.draft.LeftOut) == 0 {
		return ""
	}
	return fmt.Sprintf(" besides those that are left out: %s", textdist.FirstFew(lists.Unique(e.draft.LeftOut)))
}

// takeFound adds a file that no entry names: it matches a glob, or is in a directory.
func (e *entry) takeFound(name string) {
	if _, problem := tree.Locate(e.draft.FS, name); problem != "" {
		e.refuse(excludeHint, "%q %s", name, problem)
		return
	}
	if info, err := fs.Stat(e.draft.FS, name); err != nil {
		e.reportUnreadable(name, err)
	} else if info.IsDir() {
		e.refuse("name the directory itself", "%q is a link to a directory", name)
	} else {
		e.addFile(&tree.Sample{FS: e.draft.FS, Path: name, Info: info})
	}
}

// takeGlob adds the files that match a glob, or the directories if it ends in "/": a layer for each, or one tar.
func (e *entry) takeGlob() {
	base, _ := doublestar.SplitPattern(path.Clean(e.Path))
	if _, problem := tree.Locate(e.draft.FS, base); problem == tree.NotThere {
		e.refuse("", "%q matches no files", e.Path)
		return
	} else if problem != "" {
		e.refuse("", "%q %s", e.Path, problem)
		return
	}
	filter, ok := e.newFilter(base)
	if !ok {
		return
	}
	names := e.expand(filter)
	if e.failed {
		return
	}
	if packing := e.globPacking(); packing != mediatypes.Raw {
		e.addTar(base, names, packing)
		return
	}
	if e.Title != "" && len(names) > 1 {
		e.report("/title", fmt.Sprintf("%q matches %d files; one title can't name them all", e.Path, len(names)), "")
		return
	}
	for _, name := range names {
		if len(e.draft.Layers) > maxLayers {
			return
		}
		if strings.HasSuffix(e.Path, "/") {
			inner := *e
			inner.LayerSpec.Path = name
			inner.takeSingle()
			e.failed = e.failed || inner.failed
			continue
		}
		e.takeFound(name)
	}
}

// expand lists the matches of a glob, except for paths that another entry names explicitly.
func (e *entry) expand(filter spec.Filter) []string {
	pattern, dirs := strings.CutSuffix(e.Path, "/")
	pattern = path.Clean(pattern)
	if !doublestar.ValidatePattern(pattern) {
		e.refuse("", "%q is not a glob pattern", e.Path)
		return nil
	}
	matched, err := doublestar.Glob(e.draft.FS, pattern, doublestar.WithNoFollow(), doublestar.WithFailOnIOErrors())
	if err != nil {
		e.refuse("", "%q: %s", e.Path, tree.Cause(err))
		return nil
	}
	var names []string
	matches := 0
	for _, name := range matched {
		info, err := fs.Stat(e.draft.FS, name)
		if err == nil && info.IsDir() != dirs || name == "." {
			continue
		}
		matches++
		if _, out := roles.Excludes(filter, name, dirs); out {
			e.recordLeftOut(name, dirs)
		} else if !e.draft.named[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	switch {
	case len(names) == 0 && matches > 0:
		e.refuse("", "%q matches only files that are excluded or that other entries name", e.Path)
	case len(names) == 0:
		e.refuse("", "%q matches no files", e.Path)
	}
	return names
}

// globPacking returns the packing for the matches of a glob: the one that the entry sets, else that of the entry's role if the role is
// never packed raw, else raw.
func (e *entry) globPacking() mediatypes.Packing {
	if e.Packing != "" {
		return e.Packing
	}
	if t, ok := e.draft.Kind.Role(e.As); ok && e.As != "" && !slices.ContainsFunc(e.draft.Kind.Layers, func(o mediatypes.LayerType) bool {
		return o.Role == e.As && o.Packed() == mediatypes.Raw
	}) {
		return t.Packed()
	}
	return mediatypes.Raw
}

// addTar makes one layer, a tar of the named files.
func (e *entry) addTar(base string, names []string, packing mediatypes.Packing) {
	e.Packing = packing
	r, ok := e.findTarRole()
	if !ok {
		e.report("/packing", fmt.Sprintf("kind %q can't pack %q as %s", e.draft.Kind.Name, e.Path, packing), "name the role with as:, or set mediaType")
		e.failed = true
		return
	}
	for _, name := range names {
		if _, problem := tree.Locate(e.draft.FS, name); problem != "" {
			e.refuse(excludeHint, "%q %s", name, problem)
		} else if info, err := fs.Stat(e.draft.FS, name); err != nil || !info.Mode().IsRegular() {
			e.refuse(excludeHint, "%q is not a file", name)
		}
	}
	info, err := fs.Stat(e.draft.FS, base)
	if err != nil {
		e.reportUnreadable(base, err)
		return
	}
	e.add(r, &tree.Sample{FS: e.draft.FS, Path: base, Info: info}, spec.Layer{Path: base, Files: names, Packing: packing, Size: -1})
}
