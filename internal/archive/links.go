package archive

import (
	"path"
	"strings"
	"unicode"
)

// maxHops is the number of symbolic links that a path may pass through, as in Linux.
const maxHops = 40

// CheckLink refuses a symbolic link whose text leads out of base. The link's own name is clean and within base.
//
// A target that goes up first and then only down is safe if it passes: it goes up from a real directory, and the links
// that it passes through on its way down have passed, too. The text of a target that goes up after going down says
// nothing; see DependsOnLinks and ResolveLink.
func CheckLink(name, target, base string) error {
	switch {
	case target == "":
		return Refuse(name, "symbolic link without a target")
	case len(target) > MaxName:
		return Refuse(name, "target of the symbolic link is longer than %d bytes", MaxName)
	case target[0] == '/' || target[0] == '\\' || isDrive(target):
		return Refuse(name, "symbolic link to the absolute path %q", target)
	case strings.ContainsFunc(target, unicode.IsControl):
		return Refuse(name, "control character in the target of the symbolic link")
	}
	if DependsOnLinks(target) {
		return nil
	}
	resolved := path.Join(path.Dir(name), target)
	if resolved == ".." || strings.HasPrefix(resolved, "../") || !IsWithin(resolved, base) {
		return Refuse(name, "symbolic link to %q leaves the archive", target)
	}
	return nil
}

// DependsOnLinks reports whether target has a ".." after another name, so that other links decide where it leads.
func DependsOnLinks(target string) bool {
	down := false
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			if down {
				return true
			}
		default:
			down = true
		}
	}
	return false
}

// ResolveLink follows target component by component, as the kernel would, and refuses it if a step leaves base. Names that
// do not exist count as directories, since a link may dangle.
func ResolveLink(name, target, base string, readlink func(name string) (string, bool)) error {
	at := path.Dir(name)
	todo := strings.Split(target, "/")
	for hops := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		if part == "" || part == "." {
			continue
		}
		if part == ".." {
			if at == base || at == "." {
				return Refuse(name, "symbolic link to %q leaves the archive", target)
			}
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		further, ok := readlink(next)
		if !ok {
			at = next
			continue
		}
		if hops++; hops > maxHops {
			return Refuse(name, "symbolic link to %q goes through more than %d links", target, maxHops)
		}
		if strings.HasPrefix(further, "/") {
			return Refuse(name, "symbolic link to %q leads to the absolute path %q", target, further)
		}
		todo = append(strings.Split(further, "/"), todo...)
	}
	if !IsWithin(at, base) {
		return Refuse(name, "symbolic link to %q leaves the archive", target)
	}
	return nil
}
