// Package paths reports what exists at the paths that commands take as arguments.
package paths

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/reference"
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
// but exists, and is neither an archive nor part of an OCI layout, it means that path, as if it began with "./". The error about an argument
// that is neither a reference nor exists says both.
func Parse(arg string, parse func(string) (registry.Reference, error)) (registry.Reference, error) {
	ref, err := parse(arg)
	if err == nil {
		return ref, checkPath(ref)
	}
	local, localErr := registry.Parse("./" + arg)
	switch {
	case localErr != nil:
		return ref, err
	case !Exists(arg) && !Exists(SplitRepository(local).Path):
		return ref, neitherError(arg, err)
	case local.Path != "./"+arg || local.IsArchive() || !Exists(arg) || IsDirectory(arg) && !IsPlainDirectory(local):
		return ref, err
	}
	return local, nil
}

// checkPath returns an error about a path that does not exist. One with a tag, a repository, or the extension of an archive can only be a
// layout or archive, about which opening it reports more.
func checkPath(ref registry.Reference) error {
	if !ref.IsPath() || ref.Reference() != "" || ref.InLayout() != "" || ref.IsArchive() || SplitRepository(ref) != ref {
		return nil
	}
	if _, err := os.Stat(ref.Path); errors.Is(err, fs.ErrNotExist) {
		return exit.FileError("", ref.Path, err)
	}
	return nil
}

// neitherError returns the error about an argument that does not exist, and is not a reference because it lacks a part. The hint is the
// most similar path, or else the reference that may be meant. Other errors about references stay as they are.
func neitherError(arg string, err error) error {
	cause := reference.ErrNoRegistry
	var known *artifact.Error
	switch {
	case !errors.As(err, &known) || reference.PathOfTransport(arg) != "" || arg == "":
		return err
	case errors.Is(err, reference.ErrNoRepository):
		cause = reference.ErrNoRepository
	case !errors.Is(err, cause):
		return err
	}
	hint, near := known.Hint, exit.SimilarPath(arg)
	switch hub, hubErr := registry.Parse("docker.io/" + arg); {
	case near != "":
		hint = fmt.Sprintf("did you mean %q?", near)
	case cause == reference.ErrNoRepository:
	case hubErr == nil && !strings.HasSuffix(hub.Repository, ".tar"):
		hint = fmt.Sprintf("did you mean %q?", hub)
	default:
		hint = ""
	}
	return &exit.UsageError{Err: fmt.Errorf("%q: no such file or directory, and not a reference: %w", arg, cause), Hint: hint}
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
