package archive

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What names may be at most. Linux takes 4096 bytes of path and 255 of a component; the depth keeps the work for one
// entry small, since os.Root opens each component.
const (
	maxName      = 4096
	maxComponent = 255
	maxDepth     = 256
)

// cleanName checks a name out of an archive and gives it without "./" in front, without doubled and closing slashes.
// Exact names (see Limits.Exact) may be no UTF-8 and have backslashes, as Linux allows.
func cleanName(name string, exact bool) (string, error) {
	if reason := badName(name, exact); reason != "" {
		return "", refuse(name, "%s", reason)
	}
	clean := path.Clean(name)
	if strings.Count(clean, "/") >= maxDepth {
		return "", refuse(name, "nested deeper than %d directories", maxDepth)
	}
	return clean, nil
}

// badName says what is wrong with a name, or "".
func badName(name string, exact bool) string {
	switch {
	case name == "":
		return "empty name"
	case len(name) > maxName:
		return "name longer than 4096 bytes"
	case name[0] == '/' || name[0] == '\\':
		return "absolute path"
	case isDrive(path.Clean(name)), !exact && strings.HasPrefix(path.Clean(name)[1:], ":"):
		return "path on a drive"
	case !exact && strings.Contains(name, `\`):
		return "backslash in the name"
	case !exact && !utf8.ValidString(name):
		return "name is not UTF-8"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "control character in the name"
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "path leaves the archive"
		}
		if len(part) > maxComponent {
			return "a component of the path is longer than 255 bytes"
		}
	}
	return ""
}

// isDrive tells whether name begins as a Windows path does: "C:", "C:/…", `C:\…`. Further on in a path the same is a
// name as others: it leads nowhere else on any system, and Windows can't have it.
func isDrive(name string) bool {
	if len(name) < 2 || name[1] != ':' {
		return false
	}
	letter := name[0] | 0x20
	return 'a' <= letter && letter <= 'z' && (len(name) == 2 || name[2] == '/' || name[2] == '\\')
}

// within tells whether a clean name is dir or lies below it.
func within(name, dir string) bool {
	return dir == "." || name == dir || len(name) > len(dir) && name[len(dir)] == '/' && name[:len(dir)] == dir
}

// compareNames orders names so that a directory comes first and its content follows at once.
func compareNames(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] == b[i] {
			continue
		}
		if a[i] == '/' {
			return -1
		}
		if b[i] == '/' {
			return 1
		}
		return int(a[i]) - int(b[i])
	}
	return len(a) - len(b)
}

// foldName gives the same string for names that a file system can't keep apart which knows no case, or takes "é" for "e"
// with an accent, as those of macOS do.
func foldName(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return strings.ToLower(name)
	}
	return norm.NFD.String(foldCase(norm.NFD.String(name)))
}

// foldCase takes every letter for the least of those that differ from it in case.
func foldCase(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		if 'A' <= least && least <= 'Z' {
			least += 'a' - 'A'
		}
		return least
	}, name)
}
