package compose

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/tree"
	"gopkg.in/yaml.v3"
)

// composeProject gathers what belongs to a compose application: the files that were listed, those that they extend,
// and what may surprise who publishes them.
type composeProject struct {
	fsys     fs.FS
	env      map[string]bool // env files that may be published: path → a service uses it
	collect  bool            // env files are collected in wanted, instead of being held against env
	wanted   []string        // env files that services name, in the order they were found
	extends  []string        // files reached by extends or include, in the order they were found
	services bool            // some file has any, or includes what has
	warnings []string
}

// What docker compose says of an application without services, by its own words "empty compose file" and "no service
// selected".
var (
	errEmptyCompose = errors.New("it is empty, docker compose wants services")
	errNoServices   = errors.New("it has no services, and docker compose wants some")
)

// LayerName is the name under which a file that others refer to is published: it says nothing of the path it had,
// and lies beside compose.yaml.
func LayerName(name string) string {
	suffix := ".yaml"
	if !tree.IsYAML(name) {
		suffix = ".env"
	}
	return fmt.Sprintf("%x%s", sha256.Sum256([]byte(name)), suffix)
}

// publish reads a compose file and rewrites what it refers to. Without anything to rewrite the bytes stay as they are.
func (p *composeProject) publish(name string) ([]byte, error) {
	data, err := tree.ReadFile(p.fsys, name, tree.MaxSmallFile)
	if err != nil {
		return nil, err
	}
	f := &composeFile{composeProject: p, name: name, seen: map[*yaml.Node]bool{}}
	out, err := f.rewrite(data)
	if err != nil {
		return nil, &spec.Error{Item: name, Err: err}
	}
	return out, nil
}

// composeFile is one compose file while it is rewritten.
type composeFile struct {
	*composeProject
	name    string
	seen    map[*yaml.Node]bool // an anchor is rewritten once, however often it is used
	changed bool
}

// rewrite goes through all documents of the file.
func (f *composeFile) rewrite(data []byte) ([]byte, error) {
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
		if err != nil {
			return nil, fmt.Errorf("docker compose can't read it: %w", err)
		}
		documents++
		var whole any // aliases that repeat themselves without end keep docker compose busy until memory is full
		if err := doc.Decode(&whole); err != nil {
			return nil, fmt.Errorf("docker compose can't read it: %w", err)
		}
		if err := f.document(&doc); err != nil {
			return nil, err
		}
		if err := encoder.Encode(&doc); err != nil {
			return nil, err
		}
	}
	if documents == 0 {
		return nil, errEmptyCompose
	}
	if !f.changed {
		return data, nil
	}
	return out.Bytes(), encoder.Close()
}

func (f *composeFile) document(doc *yaml.Node) error {
	root := follow(doc)
	if root.Kind != yaml.MappingNode {
		return errors.New("it is not a compose file: docker compose wants a mapping with services")
	}
	if err := f.includes(field(root, "include")); err != nil {
		return err
	}
	services := field(root, "services")
	if len(items(services)) > 0 && services.Kind != yaml.MappingNode {
		return errors.New("its services are not a mapping of names to services, which docker compose wants")
	}
	for name, service := range pairs(services) {
		f.services = true
		if err := f.service(name, service); err != nil {
			return fmt.Errorf("service %q: %w", name, err)
		}
	}
	for _, section := range [...]string{"configs", "secrets"} {
		for name, entry := range pairs(field(root, section)) {
			f.attachment(strings.TrimSuffix(section, "s"), name, entry)
		}
	}
	return nil
}

func (f *composeFile) service(name string, service *yaml.Node) error {
	if service.Kind != yaml.MappingNode {
		return errors.New("it is not a mapping")
	}
	if field(service, "build") != nil && field(service, "image") == nil && field(service, "extends") == nil {
		return errors.New("it has a build section and no image; docker compose refuses to publish that")
	}
	for _, what := range [...]string{"env_file", "label_file"} {
		for _, entry := range items(field(service, what)) {
			if err := f.envFile(what, entry); err != nil {
				return err
			}
		}
	}
	if err := f.extend(field(service, "extends")); err != nil {
		return err
	}
	for _, volume := range items(field(service, "volumes")) {
		if source := bindSource(volume); source != "" {
			f.warn("service %q mounts %q of the machine it runs on; the content is not part of the artifact", name, source)
		}
	}
	for key, value := range environment(field(service, "environment")) {
		if looksSecret(key, value) {
			f.warn("service %q has a literal value for %q", name, key)
		}
	}
	return nil
}

// envFile rewrites the path of a file of variables (or labels, which look the same), which is a string or a mapping with path.
func (f *composeFile) envFile(what string, entry *yaml.Node) error {
	node, optional := entry, false
	if entry.Kind == yaml.MappingNode {
		required := field(entry, "required")
		node, optional = field(entry, "path"), required != nil && required.Value == "false"
	}
	if node == nil || node.Kind != yaml.ScalarNode || f.seen[node] {
		return nil
	}
	name, ok, err := f.local(what, node.Value)
	if err != nil || !ok {
		return err
	}
	f.wanted = append(f.wanted, name)
	if _, listed := f.env[name]; listed {
		f.env[name] = true
	} else if !optional && !f.collect {
		return fmt.Errorf("%s %q is not among the layers; list it to publish what is in it", what, node.Value)
	}
	f.replace(node, LayerName(name))
	return nil
}

// extend rewrites the file of extends and remembers it.
func (f *composeFile) extend(extends *yaml.Node) error {
	node := field(extends, "file")
	if node == nil || f.seen[node] {
		return nil
	}
	return f.refer("extends", node)
}

// includes rewrites the local files that are included: they are published beside the compose file, so that the
// artifact is complete.
func (f *composeFile) includes(include *yaml.Node) error {
	for _, entry := range items(include) {
		f.services = true
		nodes := items(entry)
		if entry.Kind == yaml.MappingNode {
			nodes = items(field(entry, "path"))
			if field(entry, "env_file") != nil || field(entry, "project_directory") != nil {
				return errors.New("include with env_file or project_directory reaches outside of the artifact; use the short form")
			}
		}
		for _, node := range nodes {
			if f.seen[node] {
				continue
			}
			if err := f.refer("include", node); err != nil {
				return err
			}
		}
	}
	return nil
}

// refer rewrites a reference to another compose file and remembers it.
func (f *composeFile) refer(what string, node *yaml.Node) error {
	name, ok, err := f.local(what, node.Value)
	if err != nil || !ok {
		return err
	}
	if _, err := fs.Stat(f.fsys, name); err != nil {
		return fmt.Errorf("%s %q: %w", what, node.Value, err)
	}
	if !tree.IsYAML(name) {
		return fmt.Errorf("%s %q does not end in .yaml or .yml", what, node.Value)
	}
	if !slices.Contains(f.extends, name) {
		f.extends = append(f.extends, name)
	}
	f.replace(node, LayerName(name))
	return nil
}

// local makes a path in the file one of the declaration. ok is false for what is fetched from elsewhere,
// and for what only the environment of the user completes.
func (f *composeFile) local(what, value string) (name string, ok bool, err error) {
	if strings.Contains(value, "://") || strings.HasPrefix(value, "git@") || strings.HasPrefix(value, "github.com/") {
		return "", false, nil
	}
	if strings.Contains(value, "$") {
		f.warn("%s %q depends on the environment of who runs it and is published as it is", what, value)
		return "", false, nil
	}
	slashed := strings.ReplaceAll(value, `\`, "/")
	if path.IsAbs(slashed) || strings.HasPrefix(slashed, "~") || len(slashed) > 1 && slashed[1] == ':' {
		return "", false, fmt.Errorf("%s %q is absolute; on another machine docker compose would not find it", what, value)
	}
	name = path.Join(path.Dir(f.name), slashed)
	if !fs.ValidPath(name) {
		return "", false, fmt.Errorf("%s %q leaves the directory of the declaration", what, value)
	}
	return name, true, nil
}

// attachment warns of configs and secrets that are files or literal.
func (f *composeFile) attachment(what, name string, entry *yaml.Node) {
	if file := field(entry, "file"); file != nil {
		f.warn("%s %q is read from the file %q, which is not part of the artifact", what, name, file.Value)
	}
	if content := field(entry, "content"); content != nil && !strings.HasPrefix(content.Value, "$") {
		f.warn("%s %q has literal content", what, name)
	}
}

func (f *composeFile) replace(node *yaml.Node, value string) {
	node.Value, node.Style = value, 0
	f.seen[node], f.changed = true, true
}

func (f *composeFile) warn(format string, args ...any) {
	f.warnings = append(f.warnings, f.name+": "+fmt.Sprintf(format, args...))
}

// bindSource is the path of the host that an entry of volumes mounts, or "".
func bindSource(volume *yaml.Node) string {
	if volume.Kind == yaml.MappingNode {
		source, kind := field(volume, "source"), field(volume, "type")
		if kind != nil && kind.Value == "bind" && source != nil {
			return source.Value
		}
		return ""
	}
	source, _, ok := strings.Cut(volume.Value, ":")
	if ok && source != "" && strings.ContainsRune("./~", rune(source[0])) {
		return source
	}
	return ""
}

// environment returns the variables of a service, which are a mapping or a list of KEY=VALUE.
func environment(node *yaml.Node) func(func(string, string) bool) {
	return func(yield func(string, string) bool) {
		if follow(node).Kind == yaml.MappingNode {
			for key, value := range pairs(node) {
				if !yield(key, value.Value) {
					return
				}
			}
			return
		}
		for _, item := range items(node) {
			if key, value, _ := strings.Cut(item.Value, "="); !yield(key, value) {
				return
			}
		}
	}
}

// envWarnings names the variables of an env file that look like secrets.
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

// maxYAMLMerges bounds chains of merge keys and aliases.
const maxYAMLMerges = 16

var emptyNode = &yaml.Node{}
