package compose

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/davit-oci/davit/internal/kinds/compose/yamlnode"
	"github.com/davit-oci/davit/internal/tree"
	"gopkg.in/yaml.v3"
)

// rewriteExtends rewrites the file of extends and adds it to the parts.
func (f *composeFile) rewriteExtends(extends *yaml.Node) {
	if node := yamlnode.Field(extends, "file"); node != nil {
		f.rewriteReference("extends", node, "")
	}
}

// rewriteIncludes rewrites the paths of included local files: they are published beside the compose file, so that the artifact
// is complete.
func (f *composeFile) rewriteIncludes(include *yaml.Node) {
	if include == nil || include.Kind != yaml.SequenceNode {
		return // reported by the schema
	}
	var done []*yaml.Node
	for _, entry := range yamlnode.Items(include) {
		if slices.Contains(done, entry) {
			continue // an alias
		}
		done = append(done, entry)
		nodes, base := yamlnode.Items(entry), ""
		if entry.Kind == yaml.MappingNode {
			nodes = yamlnode.Items(yamlnode.Field(entry, "path"))
			if dir := yamlnode.Field(entry, "project_directory"); dir != nil {
				name, ok, err := f.localPath("project_directory", f.original(dir))
				if !ok {
					f.refuse(dir, cmp.Or(err, fmt.Errorf("include with the project_directory %q, which is not a local directory", f.original(dir))))
					continue
				}
				base = name
				f.replace(dir, ".")
			}
		}
		var parts []part
		for _, node := range nodes {
			p := f.rewriteReference("include", node, base)
			if p.name == "" {
				continue // fetched from elsewhere, or not found
			}
			base = p.base // further files of the entry override the first one
			parts = append(parts, p)
		}
		f.findVariables(entry, parts)
	}
}

// findVariables reads the variables for the files that an entry of include names, and rewrites the env_file of the entry.
func (f *composeFile) findVariables(entry *yaml.Node, parts []part) {
	if len(parts) == 0 {
		return
	}
	var files []any
	for _, node := range yamlnode.Items(yamlnode.Field(entry, "env_file")) {
		files = append(files, f.original(node))
	}
	vars, err := f.readVariablesOf(f, files, parts[0].base)
	if err != nil {
		f.refuse(cmp.Or(yamlnode.Field(entry, "env_file"), entry), err)
		return
	}
	for _, p := range parts {
		f.scopes[p] = vars
	}
	if yamlnode.Field(entry, "env_file") == nil {
		if f.exists(path.Join(parts[0].base, ".env")) && parts[0].base != f.dir {
			f.warn("the .env in %q fills in variables of %q here, and is not published", parts[0].base, parts[0].name)
		}
		return
	}
	f.rewriteIncludedEnv(entry)
}

// rewriteIncludedEnv rewrites the env_file of an entry of include. A .env holds the values of the publisher of the application, so it
// is not published; docker compose then reads the .env beside the published file.
func (f *composeFile) rewriteIncludedEnv(entry *yaml.Node) {
	var kept []*yaml.Node
	f.inside = "include"
	for _, node := range yamlnode.Items(yamlnode.Field(entry, "env_file")) {
		if path.Base(f.original(node)) == ".env" {
			f.warn("include fills in variables from %q, which is not published", f.original(node))
			f.changed = true
			continue
		}
		if f.original(node) != "/dev/null" {
			f.rewriteEnvFile("env_file", node)
		}
		kept = append(kept, node)
	}
	f.inside = ""
	for i := 0; i+1 < len(entry.Content); i += 2 {
		if entry.Content[i].Value != "env_file" {
			continue
		}
		if len(kept) == 0 {
			entry.Content = slices.Delete(entry.Content, i, i+2)
		} else {
			entry.Content[i+1] = &yaml.Node{Kind: yaml.SequenceNode, Content: kept}
		}
		return
	}
}

func (p *composeProject) exists(name string) bool {
	_, err := fs.Stat(p.fsys, name)
	return err == nil
}

func (p *composeProject) isDirectory(name string) bool {
	info, err := fs.Stat(p.fsys, name)
	return err == nil && info.IsDir()
}

// readVariablesOf returns the variables for the files that f includes: those of f, and those in the named env files or, without
// any, in the .env of dir.
func (p *composeProject) readVariablesOf(f *composeFile, files []any, dir string) (map[string]string, error) {
	names := []string{path.Join(dir, ".env")}
	if files != nil {
		names = nil
	}
	for _, file := range files {
		value := fmt.Sprint(file)
		if value == "/dev/null" {
			continue
		}
		name, ok, err := f.localPath("env_file", value)
		if err != nil {
			return nil, fmt.Errorf("include: %w", err)
		}
		if !ok {
			return nil, fmt.Errorf("include: env_file %q is not a local file", value)
		}
		if err := f.checkExists("env_file", value, name); err != nil {
			return nil, fmt.Errorf("include: %w", err)
		}
		names = append(names, name)
	}
	vars := map[string]string{}
	for _, name := range names {
		known := maps.Clone(vars)
		maps.Copy(known, f.vars)
		more, err := readVariables(p.fsys, name, known)
		if err != nil {
			return nil, err
		}
		maps.Copy(vars, more)
	}
	maps.Copy(vars, f.vars) // the variables of f win
	return vars, nil
}

// rewriteReference rewrites a reference to another compose file and adds the file to the parts. Paths in that file are relative
// to base, or to its directory if base is empty. The part has no name if docker compose fetches it from elsewhere, or if the reference has a
// fault.
func (f *composeFile) rewriteReference(what string, node *yaml.Node, base string) part {
	value := f.original(node)
	name, ok, err := f.localPath(what, value)
	if ok {
		err = f.checkExists(what, value, name)
	}
	if ok && err == nil && !tree.IsYAML(name) {
		err = fmt.Errorf("%s %q does not end in .yaml or .yml", what, value)
	}
	if err != nil {
		f.refuse(node, err)
	}
	if err != nil || !ok {
		return part{}
	}
	p := part{name, cmp.Or(base, path.Dir(name))}
	if !slices.Contains(f.parts, p) {
		f.parts = append(f.parts, p)
	}
	f.replace(node, p.layerName())
	return p
}
