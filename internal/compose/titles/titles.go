// Package titles checks the names under which a pull places the layers of an artifact.
package titles

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// Layer is a layer with a title.
type Layer struct {
	*spec.Layer
	IsDeclared bool // the title is that of the declaration, which was checked there
}

// Fault describes a title that a pull can't place at all, or not together with the other layers.
type Fault struct {
	Layer         int // its index
	Message, Hint string
}

// Check returns the faults of titles. fsys has the sources of the layers.
func Check(fsys fs.FS, layers []Layer) []Fault {
	var faults []Fault
	first, tars := map[string]Layer{}, map[string]Layer{}
	for i, l := range layers {
		if l.Title == "" {
			continue
		}
		if reason := declare.BadTitle(l.Title); reason != "" && !l.IsDeclared {
			faults = append(faults, Fault{i, fmt.Sprintf("%q can't be pulled: the name %s", l.Title, reason), "rename the file, or set the title of the layer"})
		}
		if other, taken := first[l.Title]; taken {
			faults = append(faults, Fault{i, fmt.Sprintf("layers %q and %q have the same title, %q", other.Path, l.Path, l.Title), ""})
			continue
		}
		first[l.Title] = l
		if l.Packing == mediatypes.Raw || l.Image {
			continue
		}
		// A pull unpacks tars as one tree, in which names must differ on every system.
		folded := archive.FoldName(l.Title)
		if other, taken := tars[folded]; taken {
			faults = append(faults, Fault{i, fmt.Sprintf("%q and %q differ only in case or Unicode normalization, and can't be pulled together", other.Title, l.Title), "rename one"})
		}
		tars[folded] = l
	}
	for i, l := range layers {
		for at, r := range l.Title {
			if other, taken := first[l.Title[:at]]; r == '/' && taken && other.Packing == mediatypes.Raw {
				faults = append(faults, Fault{i, fmt.Sprintf("title %q is below %q, which is a file", l.Title, other.Title), ""})
			}
		}
		faults = append(faults, findCollisions(fsys, i, layers)...)
	}
	return faults
}

// findCollisions returns the faults of a tar that contains files of other layers: a pull unpacks it into the same directory.
func findCollisions(fsys fs.FS, at int, layers []Layer) []Fault {
	tar := layers[at]
	if !isUnpacked(tar) {
		return nil
	}
	var faults []Fault
	report := func(format string, args ...any) {
		faults = append(faults, Fault{at, fmt.Sprintf(format+": they can't be pulled together", args...), "exclude it, or leave out the layer"})
	}
	var names []string // of its files after a pull
	for i, l := range layers {
		switch {
		case l.Packing == mediatypes.Raw && l.Title != "" && hasFile(fsys, tar, l.Title):
			report("%q contains %q, which is also a separate layer", tar.Path, l.Title)
		case i < at && isUnpacked(l) && (strings.HasPrefix(l.Prefix, tar.Prefix) || strings.HasPrefix(tar.Prefix, l.Prefix)):
			if names == nil {
				names = fileNames(fsys, tar)
			}
			if found := slices.IndexFunc(names, func(name string) bool { return hasFile(fsys, l, name) }); found >= 0 {
				report("%q and %q both contain %q", l.Path, tar.Path, names[found])
			}
		}
	}
	return faults
}

// isUnpacked reports whether a pull unpacks a layer, and its files are known.
func isUnpacked(l Layer) bool {
	return (l.Dir || len(l.Files) > 0) && l.Packing != mediatypes.Raw && l.Packing != mediatypes.Zip && !l.Image && !l.File
}

// fileNames returns the names that the files of a tar have after a pull.
func fileNames(fsys fs.FS, tar Layer) []string {
	below := []string{}
	for _, name := range tar.Files {
		below = append(below, tree.Below(tar.Path, name))
	}
	if tar.Dir {
		below, _ = tree.FilesBelow(fsys, tar.Layer) // packing reports what can't be read
	}
	for i, name := range below {
		below[i] = tar.Prefix + name
	}
	return below
}

// hasFile reports whether a tar has a file that gets this name on pull.
func hasFile(fsys fs.FS, tar Layer, name string) bool {
	rel, ok := strings.CutPrefix(name, tar.Prefix)
	if !ok {
		return false
	}
	from := path.Join(tar.Path, rel)
	if !tar.Dir {
		return slices.Contains(tar.Files, from)
	}
	info, err := fs.Stat(fsys, from)
	if err != nil || tar.Exclude == nil {
		return err == nil
	}
	for at, r := range rel {
		if r == '/' && tar.Exclude(rel[:at], true) {
			return false
		}
	}
	return !tar.Exclude(rel, info.IsDir())
}

// InvalidOnWindows lists the titles that are not valid paths on Windows.
func InvalidOnWindows(layers []Layer) []string {
	var bad []string
	for _, l := range layers {
		if declare.BadTitle(l.Title) == "" && !isWindowsPath(l.Title) {
			bad = append(bad, l.Title)
		}
	}
	return bad
}

// windowsDevices are names that Windows reserves for devices, with any extension.
var windowsDevices = []string{"con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9", "conin$", "conout$"}

// isWindowsPath reports whether a path is valid on Windows.
func isWindowsPath(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		stem, _, _ := strings.Cut(strings.ToLower(part), ".")
		if strings.ContainsAny(part, `<>:"|?*`) || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") ||
			slices.Contains(windowsDevices, strings.TrimSpace(stem)) {
			return false
		}
	}
	return true
}
