// Package missing has the error about a name that an artifact does not have. Its hint suggests other names.
package missing

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/errdef"
)

// maxKnown limits the names that are kept for suggestions.
const maxKnown = 10_000

// NameError reports that an artifact has no file or role with a name. It is an errdef.ErrNotFound.
type NameError struct {
	Text  string   // the missing objects; empty: the file with the name
	Typed string   // the name
	Names []string // some that the artifact has
	List  string   // the command that lists the files, for the hint; empty: "davit ls" without a reference
}

// Files returns the error about an artifact, named by its digest, that has no files, or no files that match the patterns. names are some
// files that it has.
func Files(patterns []string, artifact digest.Digest, names []string) *NameError {
	if len(patterns) == 0 {
		return &NameError{Text: fmt.Sprintf("files in %s", artifact), Names: names}
	}
	quoted := strings.Trim(fmt.Sprintf("%q", patterns), "[]")
	return &NameError{Text: fmt.Sprintf("files that match %s in %s", quoted, artifact), Typed: patterns[0], Names: names}
}

// Error returns the message.
func (e *NameError) Error() string { return strings.TrimPrefix(e.Text+": not found", ": ") }

// Unwrap returns errdef.ErrNotFound.
func (e *NameError) Unwrap() error { return errdef.ErrNotFound }

// IsDirectory reports whether the name is that of a directory. A file was expected.
func (e *NameError) IsDirectory() bool {
	return e.Typed != "" && slices.ContainsFunc(e.Names, func(name string) bool { return strings.HasPrefix(name, e.Typed+"/") })
}

// Hint returns the name that was probably meant, or the first names.
func (e *NameError) Hint() string {
	names := lists.SortUnique(slices.Clone(e.Names))
	bases := make([]string, len(names)) // the user may have left the directory out
	for i, name := range names {
		bases[i] = path.Base(name)
	}
	near := textdist.Closest(e.Typed, names)
	if i := slices.Index(bases, textdist.Closest(e.Typed, bases)); near == "" && i >= 0 {
		near = names[i]
	}
	if near == "**" || strings.HasSuffix(near, "**") && !strings.Contains(e.Typed, "*") {
		near = "" // suggest a pattern only if one was typed, and never **, which matches everything
	}
	switch {
	case e.IsDirectory():
		return "it is a directory: " + e.listHint("its files")
	case near != "":
		return fmt.Sprintf("did you mean %q?", near)
	case len(names) == 0 && e.List == "":
		return ""
	}
	if names = slices.DeleteFunc(names, func(name string) bool { return name == "**" }); len(names) == 0 { // of layers that were not read
		return e.listHint("the files")
	}
	// Reading a layer only for a hint would take too long.
	if dir, ok := strings.CutSuffix(names[0], "/**"); ok && len(names) == 1 {
		return fmt.Sprintf("its files are in %s/; %s", dir, e.listHint("them"))
	}
	hint := "it has " + textdist.FirstFew(names)
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, "/**") }) {
		hint += " (" + e.listHint("the files") + ")"
	}
	return hint
}

// listHint returns the part of a hint that names the command to list files.
func (e *NameError) listHint(files string) string {
	return fmt.Sprintf("\"%s\" lists %s", cmp.Or(e.List, "davit ls"), files)
}

// AddName adds a name to those that a NameError may suggest, unless there are too many.
func AddName(names []string, name string) []string {
	if len(names) < maxKnown {
		names = append(names, name)
	}
	return names
}
