package compose

import (
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/compose/yamlnode"
	"github.com/davit-oci/davit/internal/tree"
	"gopkg.in/yaml.v3"
)

// localPath converts a path in the compose file to a path relative to the declaration, and fails if the path is outside of the
// directory of the declaration. ok is false if docker compose fetches the file from elsewhere.
func (f *composeFile) localPath(what, value string) (name string, ok bool, err error) {
	if isRemote(value) {
		return "", false, nil
	}
	filled, err := fillIn(value, f.vars)
	if err != nil {
		return "", false, fmt.Errorf("%s %q: %w", what, value, err)
	}
	slashed := strings.ReplaceAll(filled, `\`, "/")
	if isAbsolute(slashed) {
		return "", false, fmt.Errorf("%s %q is absolute; on another machine docker compose would not find it", what, value)
	}
	name = path.Join(f.base, slashed)
	if !fs.ValidPath(name) {
		return "", false, f.leaves(what, value)
	}
	return name, true, nil
}

// packBoth is the hint about a file that is not packed, for files without a declaration.
const packBoth = "pack the directory that contains both"

// leaves returns the error about a file that is outside of the packed directory.
func (p *composeProject) leaves(what, value string) error {
	if p.plain {
		return &spec.Error{Err: fmt.Errorf("%s names %q, which is outside of the directory that is packed", what, value), Hint: packBoth}
	}
	return &spec.Error{Err: fmt.Errorf("%s %q leaves the directory of the declaration", what, value), Hint: "move the file below it, or the declaration above"}
}

// checkExists returns an error if a file that the compose file names does not exist, can't be read, or is not a file.
func (f *composeFile) checkExists(what, value, name string) error {
	_, problem := tree.Locate(f.fsys, name)
	if info, err := fs.Stat(f.fsys, name); problem == "" && err == nil {
		switch {
		case info.Mode().IsRegular():
			return nil
		case info.IsDir():
			problem = "is a directory"
		default:
			problem = "is not a regular file"
		}
	}
	return &spec.Error{Err: fmt.Errorf("%s names %q, which %s", what, value, problem), Hint: tree.DidYouMean(f.fsys, f.base, name, problem)}
}

// isRemote reports whether a value is a URL or the like, not a path.
func isRemote(value string) bool {
	for _, prefix := range [...]string{"git@", "github.com/", "service:"} {
		if strings.HasPrefix(value, prefix) {
			return true
		}
	}
	return strings.Contains(value, "://")
}

// isAbsolute reports whether a slash path is absolute on some system.
func isAbsolute(name string) bool {
	return path.IsAbs(name) || strings.HasPrefix(name, "~") || len(name) > 1 && name[1] == ':'
}

// relocate rewrites a path that docker compose resolves where the application runs. A file that is extended or included
// is published beside the compose file, and its paths are relative to its own directory.
func (f *composeFile) relocate(node *yaml.Node) {
	if node != nil && node.Kind == yaml.ScalarNode {
		f.replace(node, f.movePath(f.original(node)))
	}
}

// movePath converts a path to one relative to the directory of the first compose file. It returns any other value unchanged.
func (f *composeFile) movePath(value string) string {
	if f.base == f.dir || value == "" || isRemote(value) || isAbsolute(value) || strings.HasPrefix(value, "$") {
		return value
	}
	rel, err := filepath.Rel(filepath.FromSlash(f.dir), filepath.FromSlash(path.Join(f.base, value)))
	if err != nil {
		return value
	}
	if rel = filepath.ToSlash(rel); rel != "." && !strings.HasPrefix(rel, "../") {
		rel = "./" + rel
	}
	return rel
}

// warnOfMounts warns of directories of the host that a service mounts.
func (f *composeFile) warnOfMounts(service string, volumes *yaml.Node) {
	for _, volume := range yamlnode.Items(volumes) {
		source := ""
		if volume.Kind == yaml.MappingNode {
			if node := yamlnode.Field(volume, "source"); node != nil && hasValue(yamlnode.Field(volume, "type"), "bind") {
				source = f.original(node)
				f.relocate(node)
			}
		} else if short, rest, ok := strings.Cut(f.original(volume), ":"); ok && short != "" && strings.ContainsRune("./~", rune(short[0])) {
			source = short
			f.replace(volume, f.movePath(short)+":"+rest)
		}
		if source != "" {
			f.warn("service %q mounts %q of the machine it runs on; the content is not part of the artifact", service, source)
		}
	}
}

// rewriteBuild rewrites the directories that a service is built from.
func (f *composeFile) rewriteBuild(build *yaml.Node) {
	if build == nil || build.Kind == yaml.ScalarNode {
		f.relocate(build)
		return
	}
	f.relocate(yamlnode.Field(build, "context"))
	contexts := yamlnode.Field(build, "additional_contexts")
	for _, context := range yamlnode.Pairs(contexts) {
		f.relocate(context)
	}
	if contexts == nil || contexts.Kind != yaml.SequenceNode {
		return
	}
	for _, item := range yamlnode.Items(contexts) {
		if key, value, ok := strings.Cut(f.original(item), "="); ok {
			f.replace(item, key+"="+f.movePath(value))
		}
	}
}
