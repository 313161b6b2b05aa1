package roles

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// Role is the layer type of a file in a kind, with the evidence for it.
type Role struct {
	mediatypes.LayerType
	Evidence string // of the content test; empty if only the name decided
}

// FindRole tries the layer types of a kind on a file. With as, it tries only those of that role: first by name and content,
// then only by content, because the user's choice of a role overrides the file's name.
func (t *Table) FindRole(kind mediatypes.Kind, s *tree.Sample, as string) (Role, bool) {
	for _, byName := range []bool{true, false} {
		if !byName && as == "" {
			break
		}
		for _, l := range kind.Layers {
			if as != "" && l.Role != as || !takes(l, s, byName, as != "") {
				continue
			}
			if evidence, ok := t.passes(l, s); ok {
				return Role{l, evidence}, true
			}
		}
	}
	return Role{}, false
}

// takes reports whether a layer type accepts the name of a file or directory. With named, the user chose the role.
func takes(t mediatypes.LayerType, s *tree.Sample, byName, named bool) bool {
	switch {
	case byName && len(t.Match) > 0:
		return Matches(t, s.Path, s.IsDir())
	case s.IsDir():
		return IsForDirectories(t)
	case len(t.Match) == 0:
		return t.Content != "" || named
	}
	return !byName
}

// IsForDirectories reports whether a layer type makes one layer of a directory.
func IsForDirectories(t mediatypes.LayerType) bool {
	return len(t.Match) == 0 && t.Packed() != mediatypes.Raw ||
		slices.ContainsFunc(t.Match, func(m string) bool { return strings.HasSuffix(m, "/") })
}

// Matches reports whether a name matches one of a layer type's patterns.
func Matches(t mediatypes.LayerType, name string, dir bool) bool {
	for _, pattern := range t.Match {
		if strings.HasSuffix(pattern, "/") == dir && matchPattern(strings.TrimSuffix(pattern, "/"), name) {
			return true
		}
	}
	return false
}

// matchPattern matches a pattern without a slash against the base name, others against the whole path, ignoring case.
func matchPattern(pattern, name string) bool {
	if !strings.Contains(pattern, "/") {
		name = path.Base(name)
	}
	ok, err := doublestar.Match(strings.ToLower(pattern), strings.ToLower(name))
	return ok && err == nil
}

func (t *Table) passes(l mediatypes.LayerType, s *tree.Sample) (evidence string, ok bool) {
	if l.Content == "" {
		return "", true
	}
	test, ok := t.Tests[l.Content]
	if !ok {
		return "", false
	}
	return test.Find(s)
}

// Expected describes the files that a kind takes in the role as, or in any role if as is empty. It returns "" if it can't describe them.
func (t *Table) Expected(kind mediatypes.Kind, as string) string {
	var parts []string
	for i, l := range kind.Layers {
		if as != "" && l.Role != as || isClaimedBefore(l, kind.Layers[:i]) {
			continue
		}
		part := strings.Join(l.Match, ", ")
		if test, ok := t.Tests[l.Content]; ok {
			part = strings.TrimSpace(test.Expects + " " + parenthesize(part))
		}
		if part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "expected " + strings.Join(parts, "; ")
}

// isClaimedBefore reports whether a layer type takes the same names, whatever the content, as an earlier one that tests the content.
func isClaimedBefore(t mediatypes.LayerType, before []mediatypes.LayerType) bool {
	return t.Content == "" && slices.ContainsFunc(before, func(o mediatypes.LayerType) bool {
		return o.Content != "" && o.Role == t.Role && slices.Equal(o.Match, t.Match)
	})
}

func parenthesize(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

// Bounds returns the fewest and most layers that a role may have. most is 0 if there is no limit.
func Bounds(kind mediatypes.Kind, name string) (fewest, most int) {
	for _, t := range kind.Layers {
		if t.Role == name {
			fewest, most = max(fewest, t.Min), max(most, t.Max)
		}
	}
	return fewest, most
}

// FormatCount formats a number of layers.
func FormatCount(n int) string {
	if n == 1 {
		return "one layer"
	}
	return fmt.Sprintf("%d layers", n)
}
