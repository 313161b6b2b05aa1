package artifact

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/mediatypes"
)

// The names by which docker compose finds the files of a directory, the preferred one first: DefaultFileNames and
// DefaultOverrideFileNames of compose-go.
var (
	composeFileNames     = []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
	composeOverrideNames = []string{"compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"}
)

// settle reduces what was found in a directory to what the native client takes of one: docker compose takes its own
// compose file, one that overrides it, and the env files that services name; of others, only what it is told to. left are
// the compose files that are not taken.
//
// Further env files of the directory stay among the paths: composing leaves them out, and says so.
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
	for _, name := range f.paths {
		if isYAMLName(name) && !slices.Contains(own, name) {
			left = append(left, name)
		}
	}
	f.env = namedEnvFiles(fsys, dir, own)
	f.paths = unique(slices.Concat(own, f.env, envFilesIn(fsys, dir, f.kind)))
	return left, nil
}

// namedEnvFiles lists the files of a directory that its services name under env_file or label_file, those of compose files
// that are extended or included too.
func namedEnvFiles(fsys fs.FS, dir string, own []string) []string {
	p := &composeProject{fsys: fsys, collect: true, extends: slices.Clone(own)}
	for i := 0; i < len(p.extends); i++ {
		_, _ = p.publish(p.extends[i]) // what is wrong with it is told later
	}
	return slices.DeleteFunc(unique(p.wanted), func(name string) bool {
		info, err := fs.Stat(fsys, name)
		return err != nil || !info.Mode().IsRegular() || !within(dir, name)
	})
}

// envFilesIn lists the env files in a directory itself, the hidden ones too.
func envFilesIn(fsys fs.FS, dir string, k mediatypes.Kind) []string {
	entries, err := fs.ReadDir(fsys, dir)
	filter, filterErr := ignoreFilter(fsys, dir)
	if err != nil || filterErr != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		s := &sample{fsys: fsys, path: name}
		if info, err := fs.Stat(fsys, name); err == nil && info.Mode().IsRegular() && !filter(name, false) {
			s.info = info
			if r, ok := findRole(k, s, ""); ok && r.Role == "env" {
				names = append(names, name)
			}
		}
	}
	return names
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
