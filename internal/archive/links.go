package archive

import (
	"path"
	"strings"
	"unicode"
)

// maxHops is how many symbolic links one path may go through, as in Linux.
const maxHops = 40

// checkLink refuses a symbolic link that leads out of base by its text. name is where the link stands, clean and within
// base.
//
// A target that goes up first and then only down stays inside for good when it passes: it goes up from a real
// directory, and the links it may go through on its way down have passed too. Of one that goes up after it went down
// (see upThenDown) the text tells nothing; it must be resolved with all other links in place (see resolveLink).
func checkLink(name, target, base string) error {
	switch {
	case target == "":
		return refuse(name, "symbolic link without a target")
	case len(target) > maxName:
		return refuse(name, "target of the symbolic link is longer than %d bytes", maxName)
	case target[0] == '/' || target[0] == '\\' || isDrive(target):
		return refuse(name, "symbolic link to the absolute path %q", target)
	case strings.ContainsFunc(target, unicode.IsControl):
		return refuse(name, "control character in the target of the symbolic link")
	}
	if upThenDown(target) {
		return nil
	}
	resolved := path.Join(path.Dir(name), target)
	if resolved == ".." || strings.HasPrefix(resolved, "../") || !within(resolved, base) {
		return refuse(name, "symbolic link to %q leaves the archive", target)
	}
	return nil
}

// upThenDown tells whether target has a ".." behind another name.
func upThenDown(target string) bool {
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

// resolveLink follows the target component by component, as the kernel would, and refuses it when a step leaves base.
// What does not exist is taken for a directory: a link may dangle.
func resolveLink(name, target, base string, readlink func(name string) (string, bool)) error {
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
				return refuse(name, "symbolic link to %q leaves the archive", target)
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
			return refuse(name, "symbolic link to %q goes through more than %d links", target, maxHops)
		}
		if strings.HasPrefix(further, "/") {
			return refuse(name, "symbolic link to %q leads to the absolute path %q", target, further)
		}
		todo = append(strings.Split(further, "/"), todo...)
	}
	if !within(at, base) {
		return refuse(name, "symbolic link to %q leaves the archive", target)
	}
	return nil
}
