package roles

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// ClientFilter returns a filter of the paths in a directory that the native client of a kind does not pack: those of
// Kind.Exclude, and those listed in Kind.IgnoreFile of the directory and of those above it. It is nil for a kind that has
// neither.
func ClientFilter(fsys fs.FS, k mediatypes.Kind, dir string) (spec.Filter, error) {
	usual, err := ExcludeFilter(k, dir)
	if err != nil {
		return nil, err
	}
	ignored, err := IgnoreFileFilter(fsys, k, dir)
	if err != nil {
		return nil, err
	}
	return AnyOf(usual, ignored), nil
}

// ClientFilters returns the filter of a directory that becomes a layer: ClientFilter, with the ignore files that the tests
// of content read. The second filter is the part that a declaration can't override.
func (t *Table) ClientFilters(fsys fs.FS, k mediatypes.Kind, dir string) (all, ignored spec.Filter, err error) {
	if ignored, err = IgnoreFileFilter(fsys, k, dir); err != nil {
		return nil, nil, err
	}
	for _, l := range k.Layers {
		if test := t.Tests[l.Content]; test.Ignore != nil {
			own, err := test.Ignore(fsys, dir)
			if err != nil {
				return nil, nil, err
			}
			ignored = AnyOf(ignored, own)
		}
	}
	usual, err := ExcludeFilter(k, dir)
	return AnyOf(usual, ignored), ignored, err
}

// ExcludeFilter returns a filter of Kind.Exclude followed by more patterns, or nil if there are no patterns.
func ExcludeFilter(k mediatypes.Kind, dir string, more ...string) (spec.Filter, error) {
	patterns := slices.Concat(k.Exclude, more)
	if len(patterns) == 0 {
		return nil, nil
	}
	i, err := tree.NewIgnorer(dir, []byte(strings.Join(patterns, "\n")))
	if err != nil {
		return nil, err
	}
	return i.Excludes, nil
}

// IgnoreFileFilter returns a filter that matches the paths listed in the Kind.IgnoreFile in dir and in the directories above it,
// and those files themselves. It is nil for a kind without an IgnoreFile.
func IgnoreFileFilter(fsys fs.FS, k mediatypes.Kind, dir string) (spec.Filter, error) {
	if k.IgnoreFile == "" {
		return nil, nil
	}
	var ignorers []*tree.Ignorer
	for _, d := range tree.Parents(dir) {
		i, err := tree.ReadIgnoreFile(fsys, d, k.IgnoreFile)
		if err != nil {
			return nil, fmt.Errorf("%q: %s", path.Join(d, k.IgnoreFile), tree.Cause(err))
		}
		if i != nil {
			ignorers = append(ignorers, i)
		}
	}
	return func(name string, isDir bool) bool {
		return path.Base(name) == k.IgnoreFile || !isDeclaration(k, name) &&
			slices.ContainsFunc(ignorers, func(i *tree.Ignorer) bool { return i.Excludes(name, isDir) })
	}, nil
}

// isDeclaration reports whether a path has the name of the native client's declaration, a file whose content shows the kind:
// that client reads it whatever its ignore file lists.
func isDeclaration(k mediatypes.Kind, name string) bool {
	return slices.ContainsFunc(k.Layers, func(t mediatypes.LayerType) bool {
		return t.Tells && t.Content != "" && len(t.Match) > 0 && Matches(t, name, false)
	})
}

// AnyOf returns a filter that leaves out a path if any of the filters does. It is nil if all are nil.
func AnyOf(filters ...spec.Filter) spec.Filter {
	filters = lists.Delete(filters, func(f spec.Filter) bool { return f == nil })
	if len(filters) == 0 {
		return nil
	}
	return func(name string, isDir bool) bool {
		return slices.ContainsFunc(filters, func(f spec.Filter) bool { return f(name, isDir) })
	}
}

// Excludes reports whether a filter, which may be nil, leaves out a path or a directory above it, and returns which.
func Excludes(f spec.Filter, name string, isDir bool) (which string, out bool) {
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
	return EntryName(name, isDir), true
}

// EntryName returns a path in the form of Plan.LeftOut: that of a directory ends in a slash.
func EntryName(name string, isDir bool) string {
	if isDir {
		return name + "/"
	}
	return name
}

// RelativeTo converts a filter of paths of the file system to one of paths below dir.
func RelativeTo(dir string, filter spec.Filter) spec.Filter {
	return func(name string, isDir bool) bool { return filter(path.Join(dir, name), isDir) }
}
