package layout

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/davit-oci/davit/internal/fault"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Is reports whether a directory is a layout: whether it has an oci-layout or an index.json.
func Is(dir string) bool {
	for _, name := range []string{ocispec.ImageLayoutFile, ocispec.ImageIndexFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// Below returns the paths of the layouts below root, relative to root and sorted. It skips hidden and unreadable
// directories, symbolic links, and directories in layouts.
func Below(root string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(root, file)
		switch {
		case err != nil && rel != ".":
			return fs.SkipDir // removed, or not readable
		case err != nil || relErr != nil:
			return fault.Join(err, relErr)
		case !entry.IsDir() || rel == ".":
			return nil
		case entry.Name()[0] == '.':
			return fs.SkipDir
		case !Is(file):
			return nil
		}
		found = append(found, rel)
		return fs.SkipDir
	})
	slices.Sort(found)
	return found, err
}
