package listing

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
)

// Kitfiles are the names of a Kitfile.
var Kitfiles = []string{"Kitfile", "Kitfile.yaml", "Kitfile.yml", ".kitfile"}

// IsKitfile finds a Kitfile by its manifestVersion.
func IsKitfile(s *tree.Sample) (string, bool) {
	fields, ok := declare.ReadDocument(s.Path, s.Head()).Value.(map[string]any)
	return "has a manifestVersion", ok && fields["manifestVersion"] != nil
}

// KitfileFault returns why kit rejects a file with the name of a Kitfile.
func KitfileFault(s *tree.Sample) error {
	if err := declare.ReadDocument(s.Path, s.Head()).Problems.Err(); err != nil {
		return fmt.Errorf("kit can't read it: %w", err)
	}
	return errors.New("it has no manifestVersion, which kit requires")
}

// kitfileFault returns why kit rejects the file of a layer, nil if it is a Kitfile.
func kitfileFault(d *compose.Draft, l *compose.Layer) error {
	s := &tree.Sample{FS: d.FS, Path: l.Source(), Info: l.Info}
	if _, ok := IsKitfile(s); ok {
		return nil
	}
	return fmt.Errorf("%q is no Kitfile: %w", l.Source(), KitfileFault(s))
}

// Element is an element of a Kitfile that has a path.
type Element struct {
	List   string // model, or the list that it is in: parts, code, datasets, docs, prompts, mcpServers
	Fields map[string]any
}

// Path returns the path as it is written.
func (e Element) Path() string { return e.Fields["path"].(string) }

// kitfileKeys are the keys that kit knows, of a Kitfile ("") and of the mappings in it; kit rejects others
// (pkg/artifact/kitfile.go). The keys of parameters are free.
var kitfileKeys = map[string][]string{
	"":           {"manifestVersion", "package", "model", "code", "datasets", "docs", "prompts", "mcpServers"},
	"package":    {"name", "version", "description", "license", "authors"},
	"model":      {"name", "path", "license", "framework", "format", "version", "description", "parts", "parameters"},
	"parts":      {"name", "path", "license", "type"},
	"code":       {"path", "description", "license"},
	"datasets":   {"name", "path", "description", "license", "parameters", "remotePath", "remoteHash"},
	"docs":       {"path", "description"},
	"prompts":    {"path", "description"},
	"mcpServers": {"name", "path", "description"},
}

// checkKeys returns an error for a key that kit does not know.
func checkKeys(in string, fields map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if known := kitfileKeys[in]; !slices.Contains(known, key) && key != "digest" && key != "diffId" { // davit and kit add these two
			if in != "" {
				in = " of " + in
			}
			hint := ""
			if near := textdist.Closest(key, known); near != "" {
				hint = fmt.Sprintf(" (did you mean %q?)", near)
			}
			return fmt.Errorf("unknown key %q%s, which kit rejects%s", key, in, hint)
		}
		var inner []any
		switch value := fields[key].(type) {
		case map[string]any:
			inner = []any{value}
		case []any:
			inner = value
		}
		for _, value := range inner {
			if mapping, ok := value.(map[string]any); ok && kitfileKeys[key] != nil {
				if err := checkKeys(key, mapping); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Elements lists the elements of a Kitfile in the order of kit's layers. A model of another ModelKit has no path of its own.
func Elements(kitfile map[string]any) ([]Element, error) {
	if err := checkKeys("", kitfile); err != nil {
		return nil, err
	}
	var elements []Element
	model, _ := kitfile["model"].(map[string]any)
	if name, ok := model["path"].(string); ok && !strings.Contains(path.Base(name), ":") {
		elements = append(elements, Element{"model", model})
	}
	for _, list := range [...]string{"parts", "code", "datasets", "docs", "prompts", "mcpServers"} {
		from := kitfile
		if list == "parts" {
			from = model
		}
		items, _ := from[list].([]any)
		for _, item := range items {
			fields, ok := item.(map[string]any)
			if _, named := fields["path"].(string); !ok || !named {
				return nil, fmt.Errorf("an element of %s has no path", list)
			}
			elements = append(elements, Element{list, fields})
		}
	}
	return elements, nil
}

// Locate returns the path in the declaration's tree of a path that a Kitfile in dir names.
func Locate(fsys fs.FS, dir, declared string) (string, fs.FileInfo, error) {
	if message, _ := declare.BadPath(declared); message != "" {
		return "", nil, fmt.Errorf("path %q %s", declared, message)
	}
	name, problem := tree.Locate(fsys, path.Join(dir, declared))
	if problem != "" {
		return "", nil, fmt.Errorf("names %q, which %s", declared, problem)
	}
	info, err := fs.Stat(fsys, name)
	return name, info, err
}

// kitfileFiles lists the files that a Kitfile names, and the packed files in directories that it names.
func kitfileFiles(d *compose.Draft, by *compose.Layer) ([]file, error) {
	data, err := tree.ReadFile(d.FS, by.Source(), tree.MaxSmallFile)
	if err != nil {
		return nil, &spec.Error{Item: by.Source(), Err: errors.New(tree.Cause(err))}
	}
	kitfile, _ := declare.ReadDocument(by.Source(), data).Value.(map[string]any)
	elements, err := Elements(kitfile)
	if err != nil {
		return nil, &spec.Error{Item: by.Source(), Err: err}
	}
	var files []file
	for _, e := range elements {
		name, info, err := Locate(d.FS, path.Dir(by.Source()), e.Path())
		if err != nil {
			return nil, &spec.Error{Item: by.Source(), Err: err}
		}
		if !info.IsDir() {
			files = append(files, file{path: name})
			continue
		}
		for _, l := range d.Layers {
			if tree.Within(name, l.Source()) && l != by && !slices.Contains(files, file{path: l.Source()}) {
				files = append(files, file{path: l.Source()})
			}
		}
	}
	return files, nil
}
