package roles

import (
	"io/fs"
	"path"

	"github.com/davit-oci/davit/internal/tree"
)

// Rest lists the paths of a directory that are not packed, in the form of Plan.LeftOut. Those that .davitignore lists are not
// among them: their author knows.
func Rest(fsys fs.FS, dir string, packed []string) []string {
	isPacked, isAbove := map[string]bool{}, map[string]bool{}
	for _, name := range packed {
		isPacked[name] = true
		for _, above := range tree.Parents(path.Dir(name)) {
			isAbove[above] = true
		}
	}
	filter, err := tree.IgnoreFilter(fsys, dir)
	if err != nil || isPacked[dir] {
		return nil // an error was reported when the files were looked up
	}
	var left []string
	_ = fs.WalkDir(fsys, dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case name == dir || err == nil && e.IsDir() && isAbove[name] && !isPacked[name]:
			return nil
		case err == nil && !isPacked[name] && !filter(name, e.IsDir()):
			left = append(left, EntryName(name, e.IsDir()))
		}
		if e != nil && e.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	return left
}
