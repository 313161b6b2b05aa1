package catalog

import (
	"path/filepath"
	"slices"
	"strings"
)

// ArchiveHint is the hint about the form of an archive's path.
const ArchiveHint = "a path of an archive ends in .tar, and the archive is not compressed"

// IsCompressed reports whether a path is named like a compressed archive. A directory of that name is not what was meant.
func IsCompressed(name string) bool {
	name = strings.ToLower(name)
	ext := filepath.Ext(name)
	return slices.Contains([]string{".tgz", ".taz", ".tbz", ".tbz2", ".txz", ".tzst", ".zip", ".7z"}, ext) ||
		slices.Contains([]string{".gz", ".bz2", ".xz", ".zst", ".lz4", ".br"}, ext) && filepath.Ext(strings.TrimSuffix(name, ext)) == ".tar"
}
