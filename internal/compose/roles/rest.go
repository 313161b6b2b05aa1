package roles

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/tree"
)

// Rest lists the paths of a directory that are not packed, in the form of Plan.LeftOut, without the files of davit itself.
func Rest(fsys fs.FS, dir string, packed []string) []string {
	isPacked, isAbove := map[string]bool{}, map[string]bool{}
	for _, name := range packed {
		name = strings.TrimSuffix(name, "/")
		isPacked[name] = true
		for _, above := range tree.Parents(path.Dir(name)) {
			isAbove[above] = true
		}
	}
	if isPacked[dir] {
		return nil
	}
	var left []string
	_ = fs.WalkDir(fsys, dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case name == dir || err == nil && e.IsDir() && isAbove[name] && !isPacked[name]:
			return nil
		case err == nil && !isPacked[name] && !tree.IsOwnName(path.Base(name)):
			left = append(left, EntryName(name, e.IsDir()))
		}
		if e != nil && e.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	return left
}

// Unpacked returns the paths in left, each once, without those that are packed, and without directories that contain other paths in left.
func Unpacked(left, packed []string) []string {
	isOut := map[string]bool{}
	for _, name := range left {
		isOut[name] = true
	}
	for _, name := range left {
		for _, above := range tree.Parents(path.Dir(strings.TrimSuffix(name, "/"))) {
			isOut[above+"/"] = false
		}
	}
	for _, name := range packed {
		isOut[name] = false
	}
	return slices.DeleteFunc(slices.Clone(lists.Unique(left)), func(name string) bool { return !isOut[name] })
}
