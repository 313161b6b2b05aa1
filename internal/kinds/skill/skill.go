package skill

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/format/yamlerror"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/tree"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gopkg.in/yaml.v3"
)

// file is the name of the file with the instructions.
const file = "SKILL.md"

// isSkill reports whether a directory has a SKILL.md with a name or a description. A missing one is reported when the config is derived.
func isSkill(s *tree.Sample) (string, bool) {
	inner, ok := s.Entry(file)
	if !ok || inner.IsDir() {
		return "", false
	}
	fields, _ := frontmatter.Read(inner.Head())
	var found []string
	for _, name := range [...]string{"name", "description"} {
		if slices.ContainsFunc(fields, func(f frontmatter.Field) bool { return f.Name == name && f.Value != "" }) {
			found = append(found, "a "+name)
		}
	}
	return "has a " + file + " with " + strings.Join(found, " and "), len(found) > 0
}

// documents are the names of files whose front matter describes a directory; the first that exists is used.
var documents = []string{file, "README.md", "index.md"}

// derive makes the config from the front matter of a document. It takes the fields in the schema of the kind; the front matter
// may spell allowedTools as allowed-tools. It serves kind files as well as skills.
func derive(d *compose.Draft) (configblob.Finish, error) {
	if len(d.Layers) == 0 {
		return nil, nil // reported elsewhere
	}
	l := d.Layers[0]
	source, read := l.Source(), read
	if d.Kind.Config.MediaType == configType {
		read = readInstructions
	}
	front, err := read(d, l)
	if err != nil {
		return nil, &spec.Error{Item: source, Err: err}
	}
	return configure(d, d.Overlay(pick(d.Kind.Config.Schema, front)))
}

// configure checks the config, and sets the annotations and the {name} in prefixes, which depend on the config.
func configure(d *compose.Draft, config map[string]any) (configblob.Finish, error) {
	l := d.Layers[0]
	name, _ := config["name"].(string)
	if d.Kind.Config.MediaType == configType {
		if faults := check(d, l, config); len(faults) > 0 {
			d.Report(faults...)
			return nil, nil
		}
	}
	version, _ := config["version"].(string)
	d.CheckNamed(name, version, "the front matter")
	if version == "" && d.Spec.Version != "" {
		if properties, _ := d.Kind.Config.Schema["properties"].(map[string]any); properties["version"] != nil {
			config["version"] = d.Spec.Version
		}
	}
	for key, field := range map[string]string{ocispec.AnnotationTitle: "name", ocispec.AnnotationVersion: "version",
		ocispec.AnnotationDescription: "description", ocispec.AnnotationLicenses: "license"} {
		if value, ok := config[field].(string); ok && value != "" {
			d.Annotations[key] = value
		}
	}
	annotateSkill(d, config)
	for _, l := range d.Layers {
		if l.Prefix != "" {
			l.Prefix = strings.ReplaceAll(l.Prefix, "{name}", name)
		}
	}
	return configblob.Constant(config)
}

// annotateSkill sets the annotations by which clients list skills.
func annotateSkill(d *compose.Draft, config map[string]any) {
	if d.Kind.Config.MediaType != configType {
		return
	}
	for key, field := range map[string]string{annotationName: "name", "io.agentskills.skill.compatibility": "compatibility"} {
		if value, ok := config[field].(string); ok && value != "" {
			d.Annotations[key] = value
		}
	}
}

// read returns the front matter that describes a layer: that of the file, or of the first existing file of documents in the
// directory.
func read(d *compose.Draft, l *compose.Layer) (map[string]any, error) {
	candidates := []string{l.Source()}
	if l.Dir {
		candidates = nil
		for _, name := range documents {
			candidates = append(candidates, path.Join(l.Path, name))
		}
	}
	for _, name := range candidates {
		data, err := tree.ReadFile(d.FS, name, tree.MaxSmallFile)
		if err != nil {
			continue
		}
		front, _, found := frontmatter.Split(data)
		if !found {
			return nil, fmt.Errorf("%s has no front matter", path.Base(name))
		}
		fields := map[string]any{}
		if err := yaml.Unmarshal(front, &fields); err != nil {
			return nil, fmt.Errorf("%s: %w", path.Base(name), yamlerror.Worded(err))
		}
		return fields, nil
	}
	return nil, errors.New("has no document with front matter: " + strings.Join(documents, ", "))
}

// pick returns the fields of the front matter that are in the schema, converted to their types.
func pick(schema, front map[string]any) map[string]any {
	properties, _ := schema["properties"].(map[string]any)
	picked := map[string]any{}
	for name, property := range properties {
		value, ok := front[name]
		if !ok {
			value, ok = front[toDashes(name)]
		}
		if !ok || value == nil {
			continue
		}
		schema, _ := property.(map[string]any)
		picked[name] = convert(value, schema["type"])
	}
	return picked
}

// convert converts a value to the type of its field. It splits a string at spaces and commas if the field is a list.
func convert(value any, want any) any {
	switch text := fmt.Sprint(value); want {
	case "string":
		return text
	case "array":
		if list, ok := value.([]any); ok {
			return list
		}
		list := []any{}
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
			list = append(list, word)
		}
		return list
	}
	return value
}

// toDashes returns the spelling of a field name in front matter: allowed-tools for allowedTools.
func toDashes(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('-')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// validName matches valid names of skills.
var validName = lazy.Regexp(`^[a-z0-9][a-z0-9-]{0,62}[a-z0-9]$`)

// check returns the reasons why clients would refuse the skill.
func check(d *compose.Draft, l *compose.Layer, config map[string]any) spec.Problems {
	data, _ := tree.ReadFile(d.FS, path.Join(l.Path, file), tree.MaxSmallFile) // a page that becomes the SKILL.md has no lines
	front, _, _ := frontmatter.Split(data)
	native := declare.NewNativeFile(path.Join(l.Path, file), append([]byte("\n"), front...), "a client") // in place of the opening "---"
	name, _ := config["name"].(string)
	description, _ := config["description"].(string)
	switch dir := path.Base(l.Path); {
	case config["name"] == nil:
		native.AddMissing("name")
	case !validName().MatchString(name):
		native.Add("/name", fmt.Sprintf("name %q is not 2 to 64 lower-case letters, digits, and dashes", name))
	case l.Dir && dir != "." && dir != name:
		native.Add("/name", fmt.Sprintf("name %q is not that of the directory, %q", name, dir))
	}
	if description == "" {
		native.AddMissing("description")
	}
	return native.Faults
}
