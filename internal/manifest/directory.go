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
	// AnnotationUnpack is "true" if oras can unpack the layer: a gzipped tar whose entries are all below the title.
	AnnotationUnpack = "io.deis.oras.content.unpack"
	// AnnotationContent is the digest of the tar before compression. oras writes and checks it.
	AnnotationContent = "io.deis.oras.content.digest"
	// AnnotationDirectory names the directory that all entries are in, "." for none in particular. davit writes it where
	// oras could not unpack the layer: other compressions, and directories split into several layers.
	AnnotationDirectory = "vnd.davit.directory"
)

// CleanDir returns a prefix of tar entries ("data/", "./.github/") as the clean slash path of the directory, "" for the
// root. Dots that belong to a name stay; "..", which has no meaning in a prefix, never leads out of the root.
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

// Directory returns the directory that all entries of a layer are in, "" for the root; ok is false without
// AnnotationDirectory.
//
// davit up to 0.1 cut all dots and slashes off both ends, so that ".github" became "github". If the annotation equals
// the title cut that way, the title is right.
func Directory(layer ocispec.Descriptor) (dir string, ok bool) {
	value, ok := layer.Annotations[AnnotationDirectory]
	if !ok {
		return "", false
	}
	dir = CleanDir(value)
	title := CleanDir(untitledPart(layer.Annotations[ocispec.AnnotationTitle]))
	if cut := strings.Trim(title, "./"); dir != title && dir == cut && cut != "" {
		return title, true
	}
	return dir, true
}

// PartTitle returns the title of the layer with this index (from 0) of a directory that is split.
func PartTitle(title string, index int, extension string) string {
	return fmt.Sprintf("%s.part%03d%s", title, index+1, extension)
}

var partTitle = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(.+)\.part[0-9]{3,}\.tar(\.gz|\.zst)?$`)
})

// untitledPart undoes PartTitle; other titles stay as they are.
func untitledPart(title string) string {
	if m := partTitle().FindStringSubmatch(title); m != nil {
		return m[1]
	}
	return title
}
