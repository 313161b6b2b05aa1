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

// fixHint is the hint for a declaration that its client rejects.
const fixHint = "fix it, or exclude it"

// Kitfiles are the names of a Kitfile.
var Kitfiles = []string{"Kitfile", "Kitfile.yaml", "Kitfile.yml", ".kitfile"}

// IsKitfile recognizes a Kitfile by its manifestVersion.
func IsKitfile(s *tree.Sample) (string, bool) {
	fields, ok := declare.ReadDocument(s.Path, s.Head()).Value.(map[string]any)
	return "has a manifestVersion", ok && fields["manifestVersion"] != nil
}

// KitfileFault returns why kit rejects a file that has the name of a Kitfile and is not one.
func KitfileFault(s *tree.Sample) error {
	if err := declare.ReadDocument(s.Path, s.Head()).Problems.Err(); err != nil {
		return fmt.Errorf("kit can't read it: %w", err)
	}
	return errors.New("it has no manifestVersion, which kit requires")
}

// kitfileFault returns why kit rejects the file of a layer, or nil if the file is a Kitfile.
func kitfileFault(d *compose.Draft, l *compose.Layer) spec.Problems {
	s := &tree.Sample{FS: d.FS, Path: l.Source(), Info: l.Info}
	doc := declare.ReadDocument(s.Path, s.Head())
	_, ok := IsKitfile(s)
	if len(doc.Problems) == 0 && !ok {
		return spec.Problems{{File: s.Path, Message: "has no manifestVersion, which kit requires", Hint: fixHint}}
	}
	for i := range doc.Problems {
		if doc.Problems[i].Hint == "" {
			doc.Problems[i].Hint = fixHint
		}
	}
	return doc.Problems
}

// ReadKitfile reads the Kitfile in layer by, and returns its fields and their positions. It reports YAML problems to d.
func ReadKitfile(d *compose.Draft, by *compose.Layer) (map[string]any, *spec.Source, error) {
	data, err := tree.ReadFile(d.FS, by.Source(), tree.MaxSmallFile)
	if err != nil {
		return nil, nil, &spec.Error{Item: by.Source(), Err: errors.New(tree.Cause(err))}
	}
	doc := declare.ReadDocument(by.Source(), data)
	d.Report(doc.Problems...)
	kitfile, ok := doc.Value.(map[string]any)
	if !ok {
		return nil, nil, spec.Problem{File: by.Source(), Message: "kit requires a mapping with manifestVersion", Hint: fixHint}
	}
	return kitfile, &doc.Source, nil
}

// Element is a mapping in a Kitfile that has a path, such as the model or a dataset.
type Element struct {
	List   string // model, or the list that has the element: parts, code, datasets, docs, prompts, mcpServers
	Fields map[string]any

	source  *spec.Source
	pointer string
}

// Refuse returns a problem at the path of the element.
func (e Element) Refuse(hint, format string, args ...any) error {
	return e.source.Problem(e.pointer+"/path", fmt.Sprintf(format, args...), hint)
}

// Path returns the path as it is written.
func (e Element) Path() string { return e.Fields["path"].(string) }

// kitfileKeys are the keys that kit accepts in a Kitfile ("") and in the mappings in it, by the key of the mapping. Kit
// rejects all others (pkg/artifact/kitfile.go), except below parameters.
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

// kitfileLists are the keys whose values are lists.
var kitfileLists = []string{"parts", "code", "datasets", "docs", "prompts", "mcpServers"}

// checker checks the keys of a Kitfile.
type checker struct{ source *spec.Source }

// checkKeys returns a problem if kit does not know a key or does not accept its value. in is the key of the mapping, or of
// the list that has the mapping.
func (c checker) checkKeys(in, pointer string, fields map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if known := kitfileKeys[in]; !slices.Contains(known, key) && key != "digest" && key != "diffId" { // davit and kit add these two
			if in != "" {
				in = " of " + in
			}
			hint := ""
			if near := textdist.Closest(key, known); near != "" {
				hint = fmt.Sprintf(" (did you mean %q?)", near)
			}
			return c.source.KeyProblem(pointer+"/"+declare.EscapePointer(key), fmt.Sprintf("unknown key %q%s, which kit rejects%s", key, in, hint), "")
		}
		if kitfileKeys[key] == nil || fields[key] == nil {
			continue
		}
		if err := c.checkValue(key, pointer+"/"+key, fields[key]); err != nil {
			return err
		}
	}
	return nil
}

// checkValue checks the value of a key, which must be a mapping or a list of mappings.
func (c checker) checkValue(key, pointer string, value any) error {
	if !slices.Contains(kitfileLists, key) {
		return c.checkMapping(key, pointer, value)
	}
	list, ok := value.([]any)
	if !ok {
		return c.source.Problem(pointer, key+" must be a list", "")
	}
	for i, item := range list {
		if err := c.checkMapping(key, fmt.Sprintf("%s/%d", pointer, i), item); err != nil {
			return err
		}
	}
	return nil
}

// checkMapping checks a mapping and its keys. If the mapping has a path, the path must be a string.
func (c checker) checkMapping(key, pointer string, value any) error {
	fields, ok := value.(map[string]any)
	if !ok {
		return c.source.Problem(pointer, key+" must be a mapping", "")
	}
	if name, has := fields["path"]; has {
		if _, text := name.(string); !text {
			return c.source.Problem(pointer+"/path", "path must be a string", "put it in quotes")
		}
	}
	return c.checkKeys(key, pointer, fields)
}

// Elements lists the elements of a Kitfile in the order of kit's layers. It skips a model whose path is a reference to another
// ModelKit.
func Elements(kitfile map[string]any, source *spec.Source) ([]Element, error) {
	if err := (checker{source}).checkKeys("", "", kitfile); err != nil {
		return nil, err
	}
	var elements []Element
	model, _ := kitfile["model"].(map[string]any)
	if name, ok := model["path"].(string); ok && !strings.Contains(path.Base(name), ":") {
		elements = append(elements, Element{"model", model, source, "/model"})
	}
	for _, list := range kitfileLists {
		from, pointer := kitfile, "/"+list
		if list == "parts" {
			from, pointer = model, "/model/parts"
		}
		items, _ := from[list].([]any)
		for i, item := range items {
			fields, _ := item.(map[string]any)
			e := Element{list, fields, source, fmt.Sprintf("%s/%d", pointer, i)}
			if _, named := fields["path"].(string); !named {
				return nil, e.Refuse("", "an element of %s has no path", list)
			}
			elements = append(elements, e)
		}
	}
	return elements, nil
}

// Locate resolves the path of an element, which is relative to the Kitfile's directory dir, to a path in fsys. It returns a
// problem if the path is outside of dir or does not exist.
func (e Element) Locate(fsys fs.FS, dir string) (string, fs.FileInfo, error) {
	declared := e.Path()
	if message, hint := badPath(declared); message != "" {
		return "", nil, e.Refuse(hint, "%s", message)
	}
	name, problem := tree.Locate(fsys, path.Join(dir, declared))
	if problem != "" {
		return "", nil, e.Refuse(tree.DidYouMean(fsys, dir, name, problem), "names %q, which %s", declared, problem)
	}
	info, err := fs.Stat(fsys, name)
	return name, info, err
}

// filesInKitfile lists the files that a Kitfile names, and the packed files in the directories that the Kitfile names.
func filesInKitfile(d *compose.Draft, by *compose.Layer) ([]file, error) {
	kitfile, source, err := ReadKitfile(d, by)
	if err != nil {
		return nil, err
	}
	elements, err := Elements(kitfile, source)
	if err != nil {
		return nil, err
	}
	var files []file
	var faults spec.Problems
	for _, e := range elements {
		name, info, err := e.Locate(d.FS, path.Dir(by.Source()))
		if fault := faults.Collect(err); fault != nil {
			return nil, fault
		} else if err != nil {
			continue
		}
		if !info.IsDir() {
			files = append(files, file{path: name})
			continue
		}
		for _, l := range d.Layers {
			if tree.IsWithin(name, l.Source()) && l != by && !slices.Contains(files, file{path: l.Source()}) {
				files = append(files, file{path: l.Source()})
			}
		}
	}
	return files, faults.Err()
}
