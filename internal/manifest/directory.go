package manifest

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Annotations of layers that are tars of directories.
const (
	// AnnotationUnpack is "true" if oras can unpack the layer, a gzipped tar whose entries are all below its title.
	AnnotationUnpack = "io.deis.oras.content.unpack"
	// AnnotationContent is the digest of the tar before compression. oras writes and checks it.
	AnnotationContent = "io.deis.oras.content.digest"
	// AnnotationDirectory is the directory with all entries of the layer, or "." if there is no such directory. davit writes it
	// if oras can't unpack the layer, because of its compression, or because a directory is split into several layers.
	AnnotationDirectory = "vnd.davit.directory"
)

// CleanDir converts a prefix of tar entries ("data/", "./.github/") to the clean slash path of a directory, or "" for the root. The path
// never leads out of the root, even if the prefix has "..".
func CleanDir(prefix string) string {
	return strings.TrimPrefix(path.Clean("/"+prefix), "/")
}

// DirectoryAnnotation returns the value of AnnotationDirectory for entries below prefix.
func DirectoryAnnotation(prefix string) string {
	if dir := CleanDir(prefix); dir != "" {
		return dir
	}
	return "."
}

// Directory returns the directory in AnnotationDirectory, or "" for the root. ok is false if the layer lacks the annotation.
//
// Versions of davit up to 0.1 trimmed all dots and slashes from both ends, so that ".github" became "github". If the annotation
// equals the title trimmed in this way, Directory returns the title.
func Directory(layer ocispec.Descriptor) (dir string, ok bool) {
	value, ok := layer.Annotations[AnnotationDirectory]
	if !ok {
		return "", false
	}
	dir = CleanDir(value)
	title := CleanDir(trimPart(layer.Annotations[ocispec.AnnotationTitle]))
	if cut := strings.Trim(title, "./"); dir != title && dir == cut && cut != "" {
		return title, true
	}
	return dir, true
}

// PartTitle returns the title of a layer of a directory that is split into several layers. index counts the layers from 0.
func PartTitle(title string, index int, extension string) string {
	return fmt.Sprintf("%s.part%03d%s", title, index+1, extension)
}

var partTitle = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(.+)\.part[0-9]{3,}\.tar(\.gz|\.zst)?$`)
})

// trimPart removes the suffix that PartTitle adds. It returns other titles unchanged.
func trimPart(title string) string {
	if m := partTitle().FindStringSubmatch(title); m != nil {
		return m[1]
	}
	return title
}
