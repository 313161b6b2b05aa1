package detect

import (
	"errors"
	"io/fs"

	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// hasFiles reports whether a directory has files that the native client of a kind packs.
func hasFiles(k mediatypes.Kind, dir *tree.Sample) bool {
	return walkFiles(k, dir, func(*tree.Sample) error { return errStop }) != nil
}

// walkFiles visits the files in a directory and its subdirectories, except for the paths that .davitignore or the native client of a kind
// leaves out. Info is that of a link's target or, if the link is broken, of the link. Linked directories are visited, but not walked.
func walkFiles(k mediatypes.Kind, dir *tree.Sample, visit func(*tree.Sample) error) error {
	filter, err := tree.IgnoreFilter(dir.FS, dir.Path)
	if err != nil {
		return err
	}
	client, err := roles.ClientFilter(dir.FS, k, dir.Path)
	if err != nil {
		return err
	}
	filter = roles.AnyOf(filter, client)
	return fs.WalkDir(dir.FS, dir.Path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != dir.Path && filter(name, d.IsDir()) && d.IsDir():
			return fs.SkipDir
		case d.IsDir() || filter(name, false):
			return nil
		}
		info, err := fs.Stat(dir.FS, name)
		if err != nil {
			info, err = d.Info()
		}
		if err != nil {
			return err
		}
		return visit(&tree.Sample{FS: dir.FS, Path: name, Info: info})
	})
}

// errStop ends a walk early. Callers only check for an error.
var errStop = errors.New("walk stopped")
