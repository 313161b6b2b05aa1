package weightset

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/kinds/model/survey"
)

// cacheFault returns a fault if a declared directory is or contains a Hugging Face cache of a model, or nil otherwise. A cache
// stores each file twice, and may have files of other revisions.
func cacheFault(d *compose.Draft) *survey.Fault {
	named := slices.Clone(d.Spec.Dirs)
	for _, l := range d.Spec.Layers {
		named = append(named, path.Clean(l.Path))
	}
	dirs := slices.Clone(named)
	for _, dir := range named {
		if path.Base(dir) == "blobs" && slices.Contains(named, path.Join(path.Dir(dir), "snapshots")) {
			dirs = append(dirs, path.Dir(dir)) // davit init lists the directories in a cache, not the cache
		}
	}
	for _, dir := range named {
		for _, entry := range entriesOf(d.FS, dir) {
			if strings.HasPrefix(entry.Name(), "models--") {
				dirs = append(dirs, path.Join(dir, entry.Name()))
			}
		}
	}
	for _, dir := range dirs {
		snapshots := entriesOf(d.FS, path.Join(dir, "snapshots"))
		if len(snapshots) == 0 || !isDir(d.FS, path.Join(dir, "blobs")) || !isDir(d.FS, path.Join(dir, "refs")) {
			continue
		}
		revision := snapshots[len(snapshots)-1].Name()
		if main, err := fs.ReadFile(d.FS, path.Join(dir, "refs/main")); err == nil && fs.ValidPath(string(main)) {
			revision = string(main)
		}
		return &survey.Fault{Path: path.Join(d.Spec.Dir, dir), Message: "is a Hugging Face cache, which stores each file twice",
			Hint: "name one snapshot in it: " + path.Join("snapshots", revision)}
	}
	return nil
}

// entriesOf lists a directory. It returns nil for any other file, without opening it, because opening a named pipe would wait
// for a writer.
func entriesOf(fsys fs.FS, name string) []fs.DirEntry {
	if !isDir(fsys, name) {
		return nil
	}
	entries, _ := fs.ReadDir(fsys, name) // the error is reported when it is packed
	return entries
}

func isDir(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.IsDir()
}
