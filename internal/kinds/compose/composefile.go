package compose

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/compose/yamlnode"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/tree"
	"gopkg.in/yaml.v3"
)

// composeProject collects the parts of a compose application: the listed files, the files that they extend or include, and
// warnings for the publisher.
type composeProject struct {
	fsys     fs.FS
	dir      string                     // of the first compose file: paths in the published files are relative to it
	vars     map[string]string          // of the .env in dir
	env      map[string]bool            // env files that may be published, by path; true if a service uses the file
	collect  bool                       // collect env files in wanted instead of comparing them with env
	plain    bool                       // the files were named without a declaration
	wanted   []string                   // env files that services name, in the order they were found
	titles   map[string]string          // of env files in the artifact
	parts    []part                     // files reached by extends or include, in the order they were found
	scopes   map[part]map[string]string // variables of parts that have their own
	warnings []string
	faults   spec.Problems
}

// newProject returns a project whose first compose file is in dir.
func newProject(fsys fs.FS, dir string) (*composeProject, error) {
	vars, err := readVariables(fsys, path.Join(dir, ".env"), nil)
	return &composeProject{fsys: fsys, dir: dir, vars: vars, env: map[string]bool{}, titles: map[string]string{}, scopes: map[part]map[string]string{}}, err
}

// part is a compose file that another one extends or includes. Paths in it are relative to base.
type part struct{ name, base string }

// layerName returns the name under which the part is published. The same file with another base is another part.
func (p part) layerName() string {
	if p.base == path.Dir(p.name) {
		return LayerName(p.name)
	}
	return LayerName(p.base + "\x00" + p.name)
}

// errEmptyCompose is the error for a file that docker compose refuses as an "empty compose file".
var errEmptyCompose = errors.New("it is empty: docker compose requires services")

// LayerName returns the name under which a file that others refer to is published, beside compose.yaml. It does not reveal the
// path of the file.
func LayerName(name string) string {
	suffix := ".yaml"
	if !tree.IsYAML(name) {
		suffix = ".env"
	}
	return fmt.Sprintf("%x%s", sha256.Sum256([]byte(name)), suffix)
}

// publish reads a compose file and rewrites its references to other files. A file without such references stays unchanged. It reports the
// faults in the file.
func (p *composeProject) publish(file part) []byte {
	data, err := tree.ReadFile(p.fsys, file.name, tree.MaxSmallFile)
	if err != nil {
		p.report(file.name, nil, err)
		return nil
	}
	vars, ok := p.scopes[file]
	if !ok {
		vars = p.vars
	}
	f := &composeFile{composeProject: p, part: file, vars: vars, originals: map[*yaml.Node]string{}}
	return f.rewrite(data)
}

// composeFile is one compose file while it is rewritten.
type composeFile struct {
	*composeProject
	part
	vars      map[string]string     // variables in paths
	originals map[*yaml.Node]string // the original values of rewritten scalars: aliases lead to a scalar more than once
	inside    string                // the part that is being rewritten, for faults
	changed   bool
}

// rewrite rewrites all documents of the file.
func (f *composeFile) rewrite(data []byte) []byte {
	in := yaml.NewDecoder(bytes.NewReader(data))
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	documents := 0
	for {
		var doc yaml.Node
		err := in.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		var whole any // Decode refuses excessive aliasing, with which docker compose would use up all memory
		if err == nil {
			err = doc.Decode(&whole)
		}
		if err != nil {
			f.report(f.name, nil, unreadable(f.name, data, err))
			return nil
		}
		documents++
		f.rewriteDocument(&doc)
		if err := encoder.Encode(&doc); err != nil {
			f.report(f.name, nil, err)
			return nil
		}
	}
	if documents == 0 {
		f.report(f.name, nil, errEmptyCompose)
	}
	if !f.changed {
		return data
	}
	if err := encoder.Close(); err != nil {
		f.report(f.name, nil, err)
	}
	return out.Bytes()
}

// rewriteDocument rewrites the references in a document of the file.
func (f *composeFile) rewriteDocument(doc *yaml.Node) {
	root := yamlnode.Follow(doc)
	switch {
	case root.Kind != yaml.MappingNode:
		f.refuse(root, errors.New("it is not a compose file: docker compose requires a mapping with services"))
		return
	case len(root.Content) == 0:
		f.refuse(root, errEmptyCompose)
		return
	}
	f.rewriteIncludes(yamlnode.Field(root, "include"))
	if services := yamlnode.Field(root, "services"); services != nil && services.Kind != yaml.MappingNode {
		f.refuse(services, errors.New("its services are not a mapping of names to services, which docker compose requires"))
	}
	for name, service := range yamlnode.Pairs(yamlnode.Field(root, "services")) {
		if service.Tag != "!reset" {
			f.inside = fmt.Sprintf("service %q", name)
			f.rewriteService(name, service)
		}
	}
	f.inside = ""
	for _, section := range [...]string{"configs", "secrets"} {
		for name, entry := range yamlnode.Pairs(yamlnode.Field(root, section)) {
			f.warnOfAttachment(strings.TrimSuffix(section, "s"), name, entry)
		}
	}
	for _, volume := range yamlnode.Pairs(yamlnode.Field(root, "volumes")) {
		if options := yamlnode.Field(volume, "driver_opts"); hasValue(yamlnode.Field(options, "o"), "bind") {
			f.relocate(yamlnode.Field(options, "device"))
		}
	}
}

// rewriteService rewrites the references in a service, and warns of its mounts and secrets.
func (f *composeFile) rewriteService(name string, service *yaml.Node) {
	if service.Kind != yaml.MappingNode {
		f.refuse(service, errors.New("it is not a mapping"))
		return
	}
	for _, what := range [...]string{"env_file", "label_file"} {
		list := yamlnode.Field(service, what)
		if isNull(list) {
			f.refuse(list, fmt.Errorf("its %s is empty, which docker compose refuses", what))
		}
		for _, entry := range yamlnode.Items(list) {
			f.rewriteEnvFile(what, entry)
		}
	}
	f.rewriteExtends(yamlnode.Field(service, "extends"))
	f.warnOfMounts(name, yamlnode.Field(service, "volumes"))
	f.rewriteBuild(yamlnode.Field(service, "build"))
	for _, watch := range yamlnode.Items(yamlnode.Field(yamlnode.Field(service, "develop"), "watch")) {
		f.relocate(yamlnode.Field(watch, "path"))
	}
	for key, value := range environment(yamlnode.Field(service, "environment")) {
		if looksSecret(key, value) {
			f.warn("service %q has a literal value for %q", name, key)
		}
	}
}

// rewriteEnvFile rewrites the path of an env file or a label file. The entry is a string or a mapping with path.
func (f *composeFile) rewriteEnvFile(what string, entry *yaml.Node) {
	node, optional := entry, false
	if entry.Kind == yaml.MappingNode {
		required := yamlnode.Field(entry, "required")
		node, optional = yamlnode.Field(entry, "path"), required != nil && required.Value == "false"
	}
	if node == nil || node.Kind != yaml.ScalarNode {
		return
	}
	value := f.original(node)
	name, ok, err := f.localPath(what, value)
	if err != nil {
		f.refuse(node, err)
	}
	if !ok {
		return
	}
	f.wanted = append(f.wanted, name)
	if _, listed := f.env[name]; listed {
		f.env[name] = true
	} else if !f.collect && (!optional || f.isDirectory(name)) { // docker compose fails to read an optional directory
		f.refuse(node, cmp.Or(f.checkExists(what, value, name), f.unlisted(what, value, name)))
	}
	f.replace(node, f.title(what, name))
}

// unlisted returns the error about an env file or label file that is not packed.
func (p *composeProject) unlisted(what, value, name string) error {
	if p.plain {
		return &spec.Error{Err: fmt.Errorf("%s names %q, which is not among the files to pack", what, value), Hint: packBoth}
	}
	return fmt.Errorf("%s %q is not among the layers; to publish its content, add {path: %s, as: env} to layers", what, value, name)
}

// title returns the name under which an env file or label file is published. Docker Compose shows the paths of label files, so
// a label file beside the compose file keeps its name.
func (p *composeProject) title(what, name string) string {
	if title, ok := p.titles[name]; ok {
		return title
	}
	title := LayerName(name)
	if what == "label_file" && path.Dir(name) == p.dir {
		title = path.Base(name)
	}
	p.titles[name] = title
	return title
}

// warnOfAttachment warns of configs and secrets that are read from a file or have literal content.
func (f *composeFile) warnOfAttachment(what, name string, entry *yaml.Node) {
	if file := yamlnode.Field(entry, "file"); file != nil {
		f.warn("%s %q is read from the file %q, which is not part of the artifact", what, name, f.original(file))
		f.relocate(file)
	}
	if content := yamlnode.Field(entry, "content"); content != nil && !strings.HasPrefix(content.Value, "$") {
		f.warn("%s %q has literal content", what, name)
	}
}

// original returns the value of a scalar before it was rewritten.
func (f *composeFile) original(node *yaml.Node) string {
	if value, ok := f.originals[node]; ok {
		return value
	}
	return node.Value
}

// replace rewrites a scalar. The value must be derived from the original.
func (f *composeFile) replace(node *yaml.Node, value string) {
	if original, again := f.originals[node]; again {
		if node.Value != value {
			f.refuse(node, fmt.Errorf("aliases of %q use it in two ways, and it is published in only one; write it twice", original))
		}
		return
	}
	f.originals[node] = node.Value
	if node.Value != value {
		node.Value, node.Style, f.changed = value, 0, true
	}
}

func (f *composeFile) warn(format string, args ...any) {
	f.warnings = append(f.warnings, f.name+": "+fmt.Sprintf(format, args...))
}

// environment yields the variables of a service, which are a mapping or a list of KEY=VALUE.
func environment(node *yaml.Node) func(func(string, string) bool) {
	return func(yield func(string, string) bool) {
		if yamlnode.Follow(node).Kind == yaml.MappingNode {
			for key, value := range yamlnode.Pairs(node) {
				if !yield(key, value.Value) {
					return
				}
			}
			return
		}
		for _, item := range yamlnode.Items(node) {
			if key, value, _ := strings.Cut(item.Value, "="); !yield(key, value) {
				return
			}
		}
	}
}

// envWarnings returns a warning for each variable of an env file that looks like a secret.
func envWarnings(name string, data []byte) []string {
	var warnings []string
	for line := range strings.Lines(string(data)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(key, "#") && looksSecret(strings.TrimPrefix(key, "export "), value) {
			warnings = append(warnings, fmt.Sprintf("%s: has a literal value for %q", name, strings.TrimSpace(key)))
		}
	}
	return warnings
}

var secretKey = lazy.Regexp(`(?i)(passw(or)?d|passphrase|secret|token|api_?key|access_?key|private_?key|credential)`)

// looksSecret reports whether a variable has a literal value that must not be published.
func looksSecret(key, value string) bool {
	value = strings.Trim(strings.TrimSpace(value), `"'`)
	return len(value) > 2 && !strings.HasPrefix(value, "$") && secretKey().MatchString(key) && !strings.HasSuffix(strings.ToUpper(key), "_FILE")
}
