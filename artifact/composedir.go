package artifact

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
)

// The names by which docker compose finds the files of a directory, the preferred one first: DefaultFileNames and
// DefaultOverrideFileNames of compose-go.
var (
	composeFileNames     = []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
	composeOverrideNames = []string{"compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"}
)

// settle reduces what was found in a directory to what the native client takes of one: docker compose takes its own
// compose file and one that overrides it; of others, only what it is told to. left are the files that are not taken.
func (f *finding) settle(fsys fs.FS, dir string) (left []string, err error) {
	if f.kind.Config.Derive != "compose" {
		return nil, nil
	}
	own := existing(fsys, dir, composeFileNames)
	if own != nil {
		own = append(own, existing(fsys, dir, composeOverrideNames)...)
	} else if own = f.composeFiles(fsys); len(own) == 0 {
		return nil, nil // what is wrong with them is told later
	} else if len(own) > 1 {
		return nil, &Error{Err: spec.Invalid(fmt.Errorf("several compose files (%s), and the directory itself has no compose.yaml, which docker compose looks for",
			strings.Join(own, ", "))), Hint: "name those that belong together, or call one compose.yaml"}
	}
	kept := slices.Clone(own)
	for _, name := range f.paths {
		switch {
		case !isYAMLName(name):
			kept = append(kept, name)
		case !slices.Contains(own, name):
			left = append(left, name)
		}
	}
	f.paths = kept
	return left, nil
}

// existing finds the first of the names that is a file of the directory; nil where none is.
func existing(fsys fs.FS, dir string, names []string) []string {
	for _, name := range names {
		name = path.Join(dir, name)
		if info, err := fs.Stat(fsys, name); err == nil && info.Mode().IsRegular() {
			return []string{name}
		}
	}
	return nil
}

// composeFiles are the found files that have services.
func (f *finding) composeFiles(fsys fs.FS) []string {
	var own []string
	for _, name := range f.paths {
		if _, ok := isCompose(&sample{fsys: fsys, path: name}); ok && isYAMLName(name) {
			own = append(own, name)
		}
	}
	return own
}

// composeLeft says why a compose file of a directory is not taken.
const composeLeft = "is not taken by itself: of a directory, docker compose takes its compose.yaml, the override beside it and what they refer to"
