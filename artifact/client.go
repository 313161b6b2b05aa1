package artifact

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/mediatypes"
)

// clientFilter returns a filter of what the native client of a kind does not pack of a directory: Kind.Exclude, and what
// Kind.IgnoreFile of the directory and of those above it lists. It is nil for a kind that has neither.
func clientFilter(fsys fs.FS, k mediatypes.Kind, dir string) (Filter, error) {
	usual, err := excludeFilter(k, dir)
	if err != nil {
		return nil, err
	}
	ignored, err := ignoreFileFilter(fsys, k, dir)
	if err != nil {
		return nil, err
	}
	return anyOf(usual, ignored), nil
}

// excludeFilter returns a filter of Kind.Exclude with more patterns behind it; nil where there are none at all.
func excludeFilter(k mediatypes.Kind, dir string, more ...string) (Filter, error) {
	patterns := slices.Concat(k.Exclude, more)
	if len(patterns) == 0 {
		return nil, nil
	}
	i, err := newIgnorer(dir, []byte(strings.Join(patterns, "\n")))
	if err != nil {
		return nil, err
	}
	return i.leavesOut, nil
}

// ignoreFileFilter returns a filter of what Kind.IgnoreFile of a directory and of those above it lists, and of that file
// itself; nil for a kind that has none.
func ignoreFileFilter(fsys fs.FS, k mediatypes.Kind, dir string) (Filter, error) {
	if k.IgnoreFile == "" {
		return nil, nil
	}
	var ignorers []*ignorer
	for _, d := range parents(dir) {
		i, err := readIgnoreFile(fsys, d, k.IgnoreFile)
		if err != nil {
			return nil, fmt.Errorf("%q: %s", path.Join(d, k.IgnoreFile), cause(err))
		}
		if i != nil {
			ignorers = append(ignorers, i)
		}
	}
	return func(name string, isDir bool) bool {
		return path.Base(name) == k.IgnoreFile || !isDeclaration(k, name) &&
			slices.ContainsFunc(ignorers, func(i *ignorer) bool { return i.leavesOut(name, isDir) })
	}, nil
}

// isDeclaration reports whether a path has the name of the native client's declaration, which that client reads whatever its
// ignore file lists.
func isDeclaration(k mediatypes.Kind, name string) bool {
	return slices.ContainsFunc(k.Layers, func(t mediatypes.LayerType) bool { return t.Tells && matches(t, name, false) })
}

// parents lists a directory and those above it, the root first.
func parents(dir string) []string {
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

// anyOf returns a filter that leaves out what any of the filters does; nil where all are nil.
func anyOf(filters ...Filter) Filter {
	filters = slices.DeleteFunc(filters, func(f Filter) bool { return f == nil })
	if len(filters) == 0 {
		return nil
	}
	return func(name string, isDir bool) bool {
		return slices.ContainsFunc(filters, func(f Filter) bool { return f(name, isDir) })
	}
}

// leavesOut reports whether a filter, which may be nil, leaves out a path or a directory above it; and which of them.
func leavesOut(f Filter, name string, isDir bool) (which string, out bool) {
	if f == nil {
		return "", false
	}
	for i, r := range name {
		if r == '/' && f(name[:i], true) {
			return name[:i] + "/", true
		}
	}
	if !f(name, isDir) {
		return "", false
	}
	return entryName(name, isDir), true
}

// entryName returns a path as Plan.LeftOut has it: that of a directory ends in a slash.
func entryName(name string, isDir bool) string {
	if isDir {
		return name + "/"
	}
	return name
}

// unpacked lists what was left out and is not packed by another entry, which names it.
func (c *composition) unpacked() []string {
	return slices.DeleteFunc(unique(c.leftOut), func(name string) bool {
		return slices.ContainsFunc(c.layers, func(l *chosen) bool { return entryName(l.source(), l.Dir) == name })
	})
}

// dropUnnamed records the files of layers that were dropped because a file of the native client's own, a Kitfile or a
// Modelfile, does not name them.
func (c *composition) dropUnnamed(by string, dropped []*chosen) {
	before := len(c.leftOut)
	for _, l := range dropped {
		packed := func(o *chosen) bool { return o.source() == l.source() || o.Dir && within(o.Path, l.source()) }
		if l.source() != by && !slices.ContainsFunc(c.layers, packed) {
			c.leftOut = append(c.leftOut, entryName(l.source(), l.Dir))
		}
	}
	if len(c.leftOut) > before {
		c.notes = append(c.notes, fmt.Sprintf("%s: %s says what is packed", c.kind.Name, by))
	}
}
