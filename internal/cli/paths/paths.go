// Package paths reports what exists at the paths that commands take as arguments.
package paths

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Exists reports whether a file or directory exists.
func Exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// IsDirectory reports whether a directory exists.
func IsDirectory(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// IsLayout reports whether a directory that the user named is an image layout: it has a file oci-layout. An index.json alone is not
// enough, as it is in layout.Is, because a directory of sources may have one.
func IsLayout(dir string) bool { return Exists(filepath.Join(dir, ocispec.ImageLayoutFile)) }

// IsPlainDirectory reports whether ref is a directory without any part of an OCI layout, such as the output directory of a pull.
func IsPlainDirectory(ref registry.Reference) bool {
	if !ref.IsPath() || ref.IsArchive() || !IsDirectory(ref.Path) {
		return false
	}
	for _, name := range []string{"oci-layout", "index.json", "blobs"} {
		if Exists(filepath.Join(ref.Path, name)) {
			return false
		}
	}
	return true
}

// Parse parses an argument that may also be a directory or file on disk. If it is not a valid reference, such as a name without a registry,
// but exists, and is neither an archive nor part of an OCI layout, it means that path, as if it began with "./".
func Parse(arg string, parse func(string) (registry.Reference, error)) (registry.Reference, error) {
	ref, err := parse(arg)
	if err == nil {
		return ref, nil
	}
	local, localErr := registry.Parse("./" + arg)
	if localErr != nil || local.Path != "./"+arg || local.IsArchive() || !Exists(arg) || IsDirectory(arg) && !IsPlainDirectory(local) {
		return ref, err
	}
	return local, nil
}

// IsPlainFile reports whether ref is a file that is not an archive of a layout, such as a file of an artifact.
func IsPlainFile(ref registry.Reference) bool {
	info, err := os.Stat(ref.Path)
	return ref.IsPath() && !ref.IsArchive() && err == nil && info.Mode().IsRegular()
}

// SplitRepository moves a repository from the path of a reference to its name, if the path does not exist but the part before a colon is a
// layout or archive: ./oci:team/app is a repository in the layout ./oci.
func SplitRepository(ref registry.Reference) registry.Reference {
	if !ref.IsPath() || ref.Repository != "" || Exists(ref.Path) {
		return ref
	}
	for i, c := range ref.Path {
		if layout := ref.Path[:i]; c != ':' || !IsLayout(layout) && (filepath.Ext(layout) != ".tar" || !Exists(layout)) {
			continue
		}
		if named, err := registry.Parse(ref.Path + ":tag"); err == nil && named.Path == ref.Path[:i] {
			ref.Path, ref.Registry, ref.Repository = named.Path, named.Registry, named.Repository
			return ref
		}
	}
	return ref
}

// NeedsRootDirectory reports whether the first directory of an absolute path does not exist. Such a path often is a reference whose host was
// in a variable without a value.
func NeedsRootDirectory(name string) bool {
	first, _, ok := strings.Cut(strings.TrimPrefix(filepath.ToSlash(name), "/"), "/")
	return ok && strings.HasPrefix(name, "/") && !Exists("/"+first)
}

// CutType returns the FILE of an argument in oras syntax, FILE:TYPE. It returns arg and false if the argument does not have that
// syntax, FILE does not exist, or the whole argument is the name of an existing file.
func CutType(arg string) (file string, ok bool) {
	i := strings.LastIndexByte(arg, ':')
	if i <= 0 || !strings.Contains(arg[i:], "/") || Exists(arg) || !Exists(arg[:i]) {
		return arg, false
	}
	return arg[:i], true
}

// TypeHint explains where the type of a file comes from.
const TypeHint = "types come from the kind (--kind), or from mediaType: in davit.yaml"
