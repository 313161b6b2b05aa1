package compose

import (
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
)

// The names by which docker compose finds the files of a directory, the preferred one first: DefaultFileNames and
// DefaultOverrideFileNames of compose-go.
var (
	composeFileNames     = []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
	composeOverrideNames = []string{"compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"}
)

// selectFiles reduces the files found in a directory to those that docker compose reads: the compose file of the directory, its
// override file, and the env files that services name. It also selects the other env files of the directory, so that derive leaves
// them out with a note.
func selectFiles(d *compose.Directory) (compose.Selection, error) {
	own := firstExisting(d.FS, d.Path, composeFileNames)
	if own != nil {
		own = append(own, firstExisting(d.FS, d.Path, composeOverrideNames)...)
	} else if own = filesWithServices(d); len(own) == 0 { // derive reports the faults in the found files
		unused := lists.Delete(slices.Clone(d.Found), tree.IsYAML)
		return compose.Selection{Paths: d.Found, Unused: unused}, nil
	} else if len(own) > 1 {
		return compose.Selection{}, &spec.Error{Err: spec.Invalid(fmt.Errorf("several compose files (%s), and the directory itself has no compose.yaml, which docker compose looks for",
			textdist.FirstFew(own))), Hint: "name those that belong together, or call one compose.yaml"}
	}
	selected := compose.Selection{As: map[string]string{}, Why: NotTaken}
	for _, name := range d.Found {
		if tree.IsYAML(name) && !slices.Contains(own, name) {
			selected.Left = append(selected.Left, name)
		}
	}
	named := namedEnvFiles(d.FS, d.Path, own)
	for _, name := range named {
		selected.As[name] = "env"
	}
	inDir := envFilesIn(d)
	selected.Paths = lists.Unique(slices.Concat(own, named, inDir))
	selected.Unused = lists.Delete(inDir, func(name string) bool { return slices.Contains(named, name) || tree.IsYAML(name) })
	return selected, nil
}

// namedEnvFiles lists the files of a directory that services name under env_file or label_file, including in compose files that are
// extended or included.
func namedEnvFiles(fsys fs.FS, dir string, own []string) []string {
	p, err := newProject(fsys, path.Dir(own[0]))
	if err != nil {
		return nil // derive reports the error
	}
	p.collect = true
	for _, name := range own {
		p.parts = append(p.parts, part{name, p.dir})
	}
	for i := 0; i < len(p.parts); i++ {
		p.publish(p.parts[i]) // derive reports faults
	}
	return lists.Delete(lists.Unique(p.wanted), func(name string) bool {
		info, err := fs.Stat(fsys, name)
		return err != nil || !info.Mode().IsRegular() || !tree.IsWithin(dir, name)
	})
}

// envFilesIn lists the env files directly in a directory, including hidden ones.
func envFilesIn(d *compose.Directory) []string {
	entries, err := fs.ReadDir(d.FS, d.Path)
	filter, filterErr := tree.IgnoreFilter(d.FS, d.Path)
	if err != nil || filterErr != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		name := path.Join(d.Path, e.Name())
		if info, err := fs.Stat(d.FS, name); err == nil && info.Mode().IsRegular() && !filter(name, false) && d.RoleOf(name) == "env" {
			names = append(names, name)
		}
	}
	return names
}

// firstExisting returns a list with the path of the first of names that is a file in dir, or nil if none is.
func firstExisting(fsys fs.FS, dir string, names []string) []string {
	for _, name := range names {
		name = path.Join(dir, name)
		if info, err := fs.Stat(fsys, name); err == nil && info.Mode().IsRegular() {
			return []string{name}
		}
	}
	return nil
}

// filesWithServices lists the found files that have services.
func filesWithServices(d *compose.Directory) []string {
	var own []string
	for _, name := range d.Found {
		if _, ok := isCompose(&tree.Sample{FS: d.FS, Path: name}); ok && tree.IsYAML(name) {
			own = append(own, name)
		}
	}
	return own
}

// NotTaken is the reason why a compose file in a directory is not packed by itself.
const NotTaken = "is not taken by itself: from a directory, docker compose takes compose.yaml, its override file, and the files that they refer to"
