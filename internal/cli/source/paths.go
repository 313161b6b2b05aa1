package source

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/cli/paths"
)

// findDeclaration returns the first source that is a davit.yaml, a stream, or a directory with a davit.yaml. It is empty if there is no such
// source.
func findDeclaration(args []string) (string, error) {
	for _, arg := range args {
		if arg == "-" {
			return arg, nil
		}
		info, err := os.Stat(arg)
		if err != nil {
			return "", Error(arg, err)
		}
		if !info.IsDir() && (isDeclaration(arg) || IsStream(arg)) || info.IsDir() && paths.Exists(filepath.Join(arg, Declaration)) {
			return arg, nil
		}
	}
	return "", nil
}

// IsStream reports whether an argument is a pipe, or another file that can be read only once, such as <(...) in a shell.
func IsStream(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.IsDir() && (!info.Mode().IsRegular() || isDescriptor(name))
}

// isDescriptor reports whether a path names an open file of this process, whatever kind of file it is.
func isDescriptor(name string) bool {
	name = filepath.Clean(name)
	return name == "/dev/stdin" || slices.Contains([]string{"/dev/fd", "/proc/self/fd"}, filepath.Dir(name))
}

// isDeclaration reports whether a file has the name of a declaration.
func isDeclaration(name string) bool {
	base := filepath.Base(name)
	return base == Declaration || strings.HasSuffix(base, "."+Declaration)
}

// commonDir returns the deepest directory that contains all arguments, and their slash-separated paths in it. For a single
// directory, it returns that directory and the path ".".
func commonDir(args []string) (string, []string, error) {
	var dir string
	absolute := make([]string, len(args))
	for i, arg := range args {
		abs, err := filepath.Abs(arg)
		if err != nil {
			return "", nil, err
		}
		absolute[i] = abs
		parent := abs
		if info, err := os.Stat(abs); err != nil || !info.IsDir() || len(args) > 1 {
			parent = filepath.Dir(abs)
		}
		if i == 0 {
			dir = parent
		}
		for !isWithin(dir, parent) {
			dir = filepath.Dir(dir)
		}
	}
	names := make([]string, len(args))
	for i, abs := range absolute {
		rel, err := filepath.Rel(dir, abs)
		if err != nil {
			return "", nil, err
		}
		names[i] = path.Clean(filepath.ToSlash(rel))
	}
	return dir, names, nil
}

// isWithin reports whether a path is a directory or below it.
func isWithin(dir, name string) bool {
	return dir == name || strings.HasPrefix(name, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

// makeRelative returns a path relative to the working directory.
func makeRelative(name string) (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return filepath.Rel(here, name)
}
