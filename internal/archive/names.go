package archive

import (
	"fmt"
	"hash/maphash"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The limits on names. Linux allows 4096 bytes in a path and 255 in a component. The depth bounds the work for one entry,
// since os.Root opens each component.
const (
	// MaxName is the maximum length of a path in bytes.
	MaxName      = 4096
	maxComponent = 255
	maxDepth     = 256
)

// CleanName checks a name in an archive and returns it without a leading "./" and without repeated and trailing slashes.
// For isExact see Limits.Exact.
func CleanName(name string, isExact bool) (string, error) {
	if reason := NameProblem(name, isExact); reason != "" {
		return "", Refuse(name, "%s", reason)
	}
	return path.Clean(name), nil
}

// NameProblem returns the reason why a name is refused, or "".
func NameProblem(name string, isExact bool) string {
	switch {
	case name == "":
		return "empty name"
	case len(name) > MaxName:
		return "name longer than 4096 bytes"
	case strings.Count(path.Clean(name), "/") >= maxDepth:
		return fmt.Sprintf("nested deeper than %d directories", maxDepth)
	case name[0] == '/' || name[0] == '\\':
		return "absolute path"
	case isDrive(path.Clean(name)), !isExact && strings.HasPrefix(path.Clean(name)[1:], ":"):
		return "path on a drive"
	case !isExact && strings.Contains(name, `\`):
		return "backslash in the name"
	case !isExact && !utf8.ValidString(name):
		return "name is not UTF-8"
	case strings.ContainsRune(name, 0), !isExact && strings.ContainsFunc(name, unicode.IsControl):
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

// IsPrefix reports whether the names in an archive can begin with prefix: "" or a relative path that ends in a slash.
func IsPrefix(prefix string) bool {
	return prefix == "" || strings.HasSuffix(prefix, "/") && NameProblem(prefix, false) == ""
}

// CleanDir returns the clean form of a directory, "." for "".
func CleanDir(dir string) string { return path.Clean("./" + dir) }

// isDrive reports whether name begins like a Windows path: "C:", "C:/…", `C:\…`. Later in a path, such a
// component is harmless: Windows can't create it, and on other systems it is an ordinary name.
func isDrive(name string) bool {
	if len(name) < 2 || name[1] != ':' {
		return false
	}
	letter := name[0] | 0x20
	return 'a' <= letter && letter <= 'z' && (len(name) == 2 || name[2] == '/' || name[2] == '\\')
}

// IsWithin reports whether a clean name is dir or below it.
func IsWithin(name, dir string) bool {
	return dir == "." || name == dir || len(name) > len(dir) && name[len(dir)] == '/' && name[:len(dir)] == dir
}

// CompareNames orders names so that the content of a directory directly follows it.
func CompareNames(a, b string) int {
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

// CompareDirs orders directories like CompareNames, with "." before all others.
func CompareDirs(a, b string) int {
	if a == "." {
		a = ""
	}
	if b == "." {
		b = ""
	}
	return CompareNames(a, b)
}

// Collisions finds names that differ only in case or Unicode normalization, so that not every file system can hold
// both. Call Add for every name, then HasCandidates, and then Find for every name again: this way Collisions keeps only
// sorted hashes, which need a ninth of the memory of the names. The zero value is ready to use.
type Collisions struct {
	seed   maphash.Seed
	hashes []int          // not uint64, for which the program would have one more sort function
	first  map[int]string // hashes of several names: the first name passed to Find
}

// Add adds a name.
func (c *Collisions) Add(name string) {
	if c.hashes == nil {
		c.seed = maphash.MakeSeed()
	}
	c.hashes = append(c.hashes, int(maphash.String(c.seed, FoldName(name))))
}

// HasCandidates reports whether two of the names may collide.
func (c *Collisions) HasCandidates() bool {
	slices.Sort(c.hashes)
	c.first = make(map[int]string)
	for i := 1; i < len(c.hashes); i++ {
		if c.hashes[i] == c.hashes[i-1] {
			c.first[c.hashes[i]] = ""
		}
	}
	c.hashes = c.hashes[:0]
	return len(c.first) > 0
}

// Find returns the earlier name that name collides with, if there is one.
func (c *Collisions) Find(name string) (first string, ok bool) {
	folded := FoldName(name)
	key := int(maphash.String(c.seed, folded))
	switch first, ok := c.first[key]; {
	case !ok:
	case first == "":
		c.first[key] = name
	case FoldName(first) == folded:
		return first, true
	}
	return "", false
}

// FoldName returns the same string for names that are equal to a file system that ignores case or the Unicode form of
// accented letters, as those of macOS do.
func FoldName(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return strings.ToLower(name)
	}
	return norm.NFD.String(foldCase(norm.NFD.String(name)))
}

// foldCase replaces every letter with the least of those that differ from it only in case.
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
