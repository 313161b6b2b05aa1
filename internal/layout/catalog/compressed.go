package catalog

import (
	"path/filepath"
	"slices"
	"strings"
)

// ArchiveHint is the hint for a path that names neither a directory nor a tar archive.
const ArchiveHint = "the path of an archive must end in .tar, and the archive must not be compressed"

// IsCompressed reports whether a path has the extension of a compressed archive, so that the user did not mean a directory.
func IsCompressed(name string) bool {
	name = strings.ToLower(name)
	ext := filepath.Ext(name)
	return slices.Contains([]string{".tgz", ".taz", ".tbz", ".tbz2", ".txz", ".tzst", ".zip", ".7z"}, ext) ||
		slices.Contains([]string{".gz", ".bz2", ".xz", ".zst", ".lz4", ".br"}, ext) && filepath.Ext(strings.TrimSuffix(name, ext)) == ".tar"
}
