package devcontainer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// DevContainerFile is the metadata file of a feature or a template.
func DevContainerFile(kind string) string { return "devcontainer-" + kind + ".json" }

func isFeature(s *tree.Sample) (string, bool)  { return hasFile(s, DevContainerFile("feature")) }
func isTemplate(s *tree.Sample) (string, bool) { return hasFile(s, DevContainerFile("template")) }

// hasFile tells whether a directory holds a file.
func hasFile(s *tree.Sample, name string) (string, bool) {
	inner, ok := s.Entry(name)
	return "has a " + name, ok && !inner.IsDir()
}

// isCollection finds a directory of features or templates. A single one is what the directory is about: it is packed
// itself unless the kind says otherwise.
func isCollection(s *tree.Sample) (string, bool) {
	evidence := ""
	for _, name := range s.Names() {
		for _, kind := range [...]string{"feature", "template"} {
			inner, ok := s.Entry(path.Join(name, DevContainerFile(kind)))
			switch {
			case !ok || inner.IsDir():
			case evidence != "":
				return evidence + " and others beside it", true
			default:
				evidence = fmt.Sprintf("has a %s in %s", DevContainerFile(kind), name)
			}
		}
	}
	return "", false
}

func deriveFeature(c *compose.Draft) (compose.Finish, error)  { return devContainer(c, "feature") }
func deriveTemplate(c *compose.Draft) (compose.Finish, error) { return devContainer(c, "template") }

// devContainer completes a feature or a template. The config is empty: all that is known stands in an annotation.
func devContainer(c *compose.Draft, kind string) (compose.Finish, error) {
	if len(c.Layers) != 1 {
		return nil, nil // a problem already
	}
	l := c.Layers[0]
	meta, err := readDevContainer(c.FS, l.Path, kind)
	if err == nil && l.Path == "." && c.Spec.Dir != "" {
		err = meta.checkFolder(c.Spec.Dir, DevContainerFile(kind))
	}
	if err != nil {
		return nil, &spec.Error{Item: l.Path, Err: err}
	}
	c.CheckNamed(c.Spec.Name, meta.version, DevContainerFile(kind))
	if kind == "feature" {
		err = meta.completeFeature(c.FS, l.Path)
	} else {
		err = meta.completeTemplate(c.FS, l)
	}
	if err != nil {
		return nil, &spec.Error{Item: l.Path, Err: err}
	}
	l.Title = "devcontainer-" + kind + "-" + meta.id + ".tgz"
	c.Annotations[mediatypes.DevContainerMetadata] = meta.text()
	c.Tags, c.Cascade = spec.VersionTags(meta.version), meta.version
	return compose.Constant(struct{}{})
}

// devContainerMeta is a metadata file, with what the devcontainer CLI adds to it.
type devContainerMeta struct {
	id, version string
	fields      map[string]json.RawMessage // without comments, compact
	keys        []string                   // of the fields, in their order
}

// parseDevContainer reads the fields of a metadata file.
func parseDevContainer(data []byte) (*devContainerMeta, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, plainJSON(data)); err != nil {
		return nil, err
	}
	m := &devContainerMeta{}
	if err := json.Unmarshal(compact.Bytes(), &m.fields); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(&compact)
	if _, err := dec.Token(); err != nil { // the brace
		return nil, err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		if name, _ := key.(string); !slices.Contains(m.keys, name) {
			m.keys = append(m.keys, name)
		}
	}
	return m, nil
}

// set gives a field another value; a new one stands behind the others.
func (m *devContainerMeta) set(key string, value any) error {
	encoded, err := compose.EncodeJSON(value)
	if err != nil {
		return err
	}
	if m.fields[key] == nil {
		m.keys = append(m.keys, key)
	}
	m.fields[key] = encoded
	return nil
}

// readDevContainer reads the metadata file of a feature or template and checks what the devcontainer CLI checks.
func readDevContainer(fsys fs.FS, dir, kind string) (*devContainerMeta, error) {
	file := DevContainerFile(kind)
	data, err := tree.ReadFile(fsys, path.Join(dir, file), tree.MaxSmallFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", file, tree.Cause(err))
	}
	m, err := parseDevContainer(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, key := range [...]string{"id", "version", "name"} {
		if text := m.stringField(key); text == "" {
			return nil, fmt.Errorf("%s has no %s, which the devcontainer CLI requires", file, key)
		}
	}
	m.id, m.version = m.stringField("id"), m.stringField("version")
	if !spec.IsSemver(m.version) {
		return nil, fmt.Errorf("%s: version %q is not a semantic version, which the devcontainer CLI requires", file, m.version)
	}
	if err := m.checkOptions(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if dir != "." {
		return m, m.checkFolder(path.Base(dir), file)
	}
	return m, nil
}

// checkFolder compares the id with the folder's name.
func (m *devContainerMeta) checkFolder(name, file string) error {
	if m.id != name {
		return fmt.Errorf("%s has the id %q, and the folder is named %q; the devcontainer CLI wants them to be equal", file, m.id, name)
	}
	return nil
}

// stringField is a field that is a string.
func (m *devContainerMeta) stringField(key string) string {
	var s string
	_ = json.Unmarshal(m.fields[key], &s) // another type is as good as none
	return s
}

// text is the metadata as an annotation has it: the fields in their order.
func (m *devContainerMeta) text() string {
	var b strings.Builder
	for i, key := range m.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := compose.EncodeJSON(key) // a string always encodes
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.fields[key])
	}
	return "{" + b.String() + "}"
}

// completeFeature adds currentId where the feature had other ids, and checks that it can be installed.
func (m *devContainerMeta) completeFeature(fsys fs.FS, dir string) error {
	if _, err := fs.Stat(fsys, path.Join(dir, "install.sh")); err != nil {
		return errors.New("it has no install.sh, which every Dev Container Feature is installed by")
	}
	var legacy []string
	if json.Unmarshal(m.fields["legacyIds"], &legacy) == nil && len(legacy) > 0 {
		return m.set("currentId", m.id)
	}
	return nil
}

// completeTemplate adds what the devcontainer CLI reads out of a template's dev container and files, also where a
// template that was pulled says it already: its files may be others now.
func (m *devContainerMeta) completeTemplate(fsys fs.FS, l *compose.Layer) error {
	file := path.Join(l.Path, ".devcontainer.json")
	if _, err := fs.Stat(fsys, file); err != nil {
		file = path.Join(l.Path, ".devcontainer/devcontainer.json")
	}
	data, err := tree.ReadFile(fsys, file, tree.MaxSmallFile)
	if err != nil {
		return errors.New("it has neither .devcontainer.json nor .devcontainer/devcontainer.json, and a template is made of one")
	}
	config, err := parseDevContainer(data)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	kind := config.templateType()
	if kind == "" {
		return fmt.Errorf("%s has none of image, build.dockerfile and dockerComposeFile; the devcontainer CLI requires one", file)
	}
	files, err := compose.FilesBelow(fsys, l)
	if err != nil {
		return err
	}
	return errors.Join(m.set("type", kind), m.set("files", files), m.set("fileCount", len(files)),
		m.set("featureIds", featureIDs(config.fields["features"])), m.nameLoneFiles(files))
}

// templateType is what a dev container is made from: an image, a Dockerfile or a compose file; "" where nothing is named.
func (m *devContainerMeta) templateType() string {
	var build map[string]json.RawMessage
	_ = json.Unmarshal(m.fields["build"], &build) // what is no object names no Dockerfile
	switch {
	case m.fields["image"] != nil:
		return "image"
	case m.fields["dockerFile"] != nil, build["dockerfile"] != nil:
		return "dockerfile"
	case m.fields["dockerComposeFile"] != nil:
		return "dockerCompose"
	}
	return ""
}

// nameLoneFiles names the file where an optional directory ("dir/*") holds one alone, as the devcontainer CLI does.
func (m *devContainerMeta) nameLoneFiles(files []string) error {
	var optional []string
	if json.Unmarshal(m.fields["optionalPaths"], &optional) != nil {
		return nil // there are none
	}
	for i, pattern := range optional {
		dir, ok := strings.CutSuffix(pattern, "*")
		if !ok || !strings.HasSuffix(dir, "/") || dir == "/" {
			continue
		}
		below := slices.DeleteFunc(slices.Clone(files), func(name string) bool { return !strings.HasPrefix(name, dir) })
		if len(below) == 1 {
			optional[i] = below[0]
		}
	}
	return m.set("optionalPaths", optional)
}

// featureIDs are the features that a dev container names, without their versions.
func featureIDs(features json.RawMessage) []string {
	var named map[string]json.RawMessage
	_ = json.Unmarshal(features, &named) // what is no object names none
	ids := []string{}
	for ref := range named {
		if strings.HasPrefix(ref, ".") || strings.Contains(ref, "://") || !strings.Contains(ref, "/") {
			continue
		}
		ref, _, _ = strings.Cut(ref, "@")
		if colon := strings.LastIndex(ref, ":"); colon > strings.LastIndex(ref, "/") {
			ref = ref[:colon]
		}
		ids = append(ids, ref)
	}
	slices.Sort(ids)
	return ids
}

// deriveCollection makes the list of a directory's features or templates; a list that is there is taken as it is.
func deriveCollection(c *compose.Draft) (compose.Finish, error) {
	if len(c.Layers) != 1 {
		return nil, nil // a problem already
	}
	l := c.Layers[0]
	if l.Dir {
		list, err := listCollection(c.FS, l)
		if err != nil {
			return nil, &spec.Error{Item: l.Path, Err: err}
		}
		l.Layer = spec.Layer{Path: l.Path, Content: list, Role: l.Role, MediaType: mediatypes.DevContainerCollection,
			Packing: mediatypes.Raw, Size: int64(len(list)), Annotations: l.Annotations}
	} else if err := checkCollection(c, l); err != nil {
		return nil, &spec.Error{Item: l.Path, Err: err}
	}
	l.Title = "devcontainer-collection.json"
	c.Tags = []string{"latest"}
	return compose.Constant(struct{}{})
}

// checkCollection checks a list that was made elsewhere.
func checkCollection(c *compose.Draft, l *compose.Layer) error {
	data, err := tree.ReadFile(c.FS, l.Path, tree.MaxSmallFile)
	if err != nil {
		return err
	}
	var list struct{ Features, Templates []json.RawMessage }
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	if len(list.Features)+len(list.Templates) == 0 {
		return errors.New("it lists neither features nor templates")
	}
	return nil
}

// listCollection reads all features, or all templates, of a directory.
func listCollection(fsys fs.FS, l *compose.Layer) ([]byte, error) {
	entries, err := fs.ReadDir(fsys, l.Path)
	if err != nil {
		return nil, err
	}
	lists := map[string][]json.RawMessage{}
	for _, e := range entries {
		for _, kind := range [...]string{"feature", "template"} {
			dir := path.Join(l.Path, e.Name())
			if _, err := fs.Stat(fsys, path.Join(dir, DevContainerFile(kind))); err != nil || l.Exclude != nil && l.Exclude(e.Name(), true) {
				continue
			}
			meta, err := readDevContainer(fsys, dir, kind)
			if err == nil && kind == "template" {
				err = meta.completeTemplate(fsys, &compose.Layer{Layer: spec.Layer{Path: dir}})
			} else if err == nil {
				err = meta.completeFeature(fsys, dir)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", e.Name(), err)
			}
			lists[kind+"s"] = append(lists[kind+"s"], json.RawMessage(meta.text()))
		}
	}
	if len(lists) != 1 {
		return nil, errors.New("a collection is of features or of templates, not of both or none")
	}
	collection := map[string]any{"sourceInformation": map[string]any{"source": "davit"}}
	for key, list := range lists {
		collection[key] = list
	}
	return compose.EncodeJSON(collection)
}

// plainJSON blanks what dev container files may have beyond JSON: comments, and commas after a last element.
func plainJSON(data []byte) []byte {
	out := bytes.Clone(bytes.TrimPrefix(data, bom.UTF8))
	comma := -1 // a comma with nothing but space after it so far
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case c == '"':
			comma = -1
			for i++; i < len(out) && out[i] != '"'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
		case c == '/' && i+1 < len(out) && (out[i+1] == '/' || out[i+1] == '*'):
			i = blankComment(out, i)
		case c == ',':
			comma = i
		case (c == '}' || c == ']') && comma >= 0:
			out[comma], comma = ' ', -1
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			comma = -1
		}
	}
	return out
}

// blankComment writes spaces over the comment that begins at i and returns where it ends.
func blankComment(out []byte, i int) int {
	end := []byte("\n")
	if out[i+1] == '*' {
		end = []byte("*/")
	}
	n := bytes.Index(out[i+2:], end)
	if n < 0 {
		n = len(out) - i - 2 - len(end)
	}
	stop := min(max(i+2+n+len(end), i+2), len(out))
	for j := i; j < stop; j++ {
		if out[j] != '\n' {
			out[j] = ' '
		}
	}
	return stop - 1
}
