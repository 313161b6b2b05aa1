package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/davit-oci/davit/internal/textdist"
)

// Parents lists a directory and the directories above it, the root first. Inlined, it would add 4 KB to the program.
//
//go:noinline
func Parents(dir string) []string {
	list := []string{"."}
	for i, r := range dir {
		if r == '/' {
			list = append(list, dir[:i])
		}
	}
	if dir != "." {
		list = append(list, dir)
	}
	return list
}

// Below returns a path relative to a directory that contains it.
func Below(dir, name string) string {
	if dir == "." {
		return name
	}
	return strings.TrimPrefix(name, dir+"/")
}

// Locate cleans a path and follows its links. The problem describes why the path can't be used: it does not exist, or a link
// escapes the file system. It is "" for a usable path.
func Locate(fsys fs.FS, name string) (clean, problem string) {
	clean = path.Clean(name)
	if problem := Annexed(fsys, clean); problem != "" {
		return clean, problem
	}
	if problem := LinkOut(fsys, ".", clean); problem != "" {
		return clean, problem
	}
	if _, err := fs.Stat(fsys, clean); errors.Is(err, fs.ErrNotExist) {
		if _, err := fs.Lstat(fsys, clean); err == nil {
			return clean, "is a broken link"
		}
		return clean, NotThere
	} else if err != nil {
		return clean, "can't be read: " + Cause(err)
	}
	return clean, ""
}

// LeadsNowhere ends the message about a link to itself.
const LeadsNowhere = "leads nowhere"

// LinkOut follows the links on the way from a directory to a file below it. It describes the first link that escapes the directory or
// leads nowhere, and returns "" if there is no such link.
func LinkOut(fsys fs.FS, dir, name string) string {
	const maxLinks = 40
	rest, done, via := strings.Split(Below(dir, name), "/"), dir, ""
	for links := 0; len(rest) > 0; {
		next := path.Join(done, rest[0])
		if !IsWithin(dir, next) {
			return fmt.Sprintf("leaves the directory through the link %s", via)
		}
		info, err := fs.Lstat(fsys, next)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			done, rest = next, rest[1:]
			continue
		}
		target, err := fs.ReadLink(fsys, next)
		if links++; err != nil || links > maxLinks {
			return fmt.Sprintf("goes through the link %q, which "+LeadsNowhere, next)
		}
		via = fmt.Sprintf("%q -> %q", next, target)
		if path.IsAbs(target) {
			return fmt.Sprintf("leaves the directory through the link %s", via)
		}
		rest = append(strings.Split(target, "/"), rest[1:]...)
	}
	return ""
}

// Annexed describes why a git-annex link can't be packed: the object that it leads to was not fetched, or is outside of the file
// system. It returns "" for a link that can be packed, and for other files.
func Annexed(fsys fs.FS, name string) string {
	target, err := fs.ReadLink(fsys, name)
	if err != nil || !strings.Contains("/"+target, "/.git/annex/objects/") {
		return ""
	}
	object := path.Join(path.Dir(name), target)
	if path.IsAbs(target) || !IsWithin(".", object) {
		return fmt.Sprintf("is a git-annex link out of the directory: git annex get %[1]q && git annex unlock %[1]q", name)
	}
	if _, err := fs.Stat(fsys, object); errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("is a git-annex link whose content was not fetched: git annex get %q", name)
	}
	return ""
}

// LinkTarget returns the target of a symbolic link below a directory. It reports whether the target, without following other links,
// is outside of the directory.
func LinkTarget(fsys fs.FS, dir, name string) (target string, out bool) {
	target, err := fs.ReadLink(fsys, name)
	inside := path.Join(path.Dir(Below(dir, name)), target)
	return target, err == nil && (path.IsAbs(target) || inside == ".." || strings.HasPrefix(inside, "../"))
}

// IsWithin reports whether a clean path is a directory or is below it. Inlined, it would add 4 KB to the program.
//
//go:noinline
func IsWithin(dir, name string) bool {
	if dir == "." {
		return name != ".." && !strings.HasPrefix(name, "../")
	}
	return name == dir || strings.HasPrefix(name, dir+"/")
}

// Cause returns the cause of an error of the file system, without the operation and path.
func Cause(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}

// IsYAML reports whether a file is YAML, by its name.
func IsYAML(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".yaml" || ext == ".yml"
}

// IsGlob reports whether a path is a pattern. A file may have such a name, too.
func IsGlob(name string) bool { return strings.ContainsAny(name, "*?[{") }

// NotThere is the problem of Locate with a path that does not exist.
const NotThere = "does not exist"

// DidYouMean returns a hint about a path with a problem: the existing path that is most similar to one that is not there, relative to dir.
// It returns "" for other problems, or if no path is similar.
func DidYouMean(fsys fs.FS, dir, name, problem string) string {
	near := Nearby(fsys, name)
	if near == "" || problem != NotThere {
		return ""
	}
	if rel, err := filepath.Rel(filepath.FromSlash(dir), filepath.FromSlash(near)); err == nil {
		near = filepath.ToSlash(rel)
	}
	return fmt.Sprintf("did you mean %q?", near)
}

// Nearby returns the existing path that is most similar to one that does not exist, or "" if no path is similar. Each element of
// the path may be misspelled.
func Nearby(fsys fs.FS, name string) string {
	near := "."
	for part := range strings.SplitSeq(path.Clean(name), "/") {
		exact := path.Join(near, part)
		if _, err := fs.Stat(fsys, exact); err == nil {
			near = exact
			continue
		}
		entries, err := fs.ReadDir(fsys, near)
		var names []string
		for _, entry := range entries {
			if entry.Name() != part { // a broken link is not its own correction
				names = append(names, entry.Name())
			}
		}
		similar := textdist.Closest(part, names)
		if err != nil || similar == "" {
			return ""
		}
		near = path.Join(near, similar)
	}
	return near
}
