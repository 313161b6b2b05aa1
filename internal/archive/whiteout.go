package archive

import (
	"path"
	"strings"
)

// whiteoutPrefix is the prefix of the names with which a layer of an image deletes files of earlier layers. See
// https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts.
const whiteoutPrefix = ".wh."

// WhiteoutReason is the reason why a file with such a name can't be in a layer.
const WhiteoutReason = "in an image, a name that begins with .wh. marks a deleted file"

// IsWhiteout reports whether name is a whiteout.
func IsWhiteout(name string) bool { return strings.HasPrefix(path.Base(name), whiteoutPrefix) }

// HasWhiteout reports whether name, or a directory above it, is a whiteout.
func HasWhiteout(name string) bool {
	return strings.HasPrefix(name, whiteoutPrefix) || strings.Contains(name, "/"+whiteoutPrefix)
}

// WhiteoutTarget returns the name that a whiteout deletes or, if it is opaque, the directory whose content it deletes.
// The target is "" for the bookkeeping files of aufs, which delete nothing.
func WhiteoutTarget(name string) (target string, isOpaque bool, err error) {
	dir, base := path.Dir(name), path.Base(name)
	switch {
	case base == ".wh..wh..opq":
		return dir, true, nil
	case strings.HasPrefix(base, ".wh..wh."):
		return "", false, nil
	}
	base = strings.TrimPrefix(base, whiteoutPrefix)
	if base == "" || base == "." || base == ".." {
		return "", false, Refuse(name, "a whiteout that names no file")
	}
	return path.Join(dir, base), false, nil
}
