package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/format/yamlerror"
	"github.com/davit-oci/davit/internal/kinds/compose/yamlnode"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	"gopkg.in/yaml.v3"
)

// isCompose recognizes a compose file by its services or includes, or by its name if docker compose knows all its keys.
func isCompose(s *tree.Sample) (string, bool) {
	var root yaml.Node
	if data, err := tree.ReadFile(s.FS, s.Path, tree.MaxSmallFile); err != nil || yaml.Unmarshal(data, &root) != nil {
		return "", false
	}
	for _, service := range yamlnode.Pairs(yamlnode.Field(&root, "services")) {
		for _, key := range [...]string{"image", "build", "extends", "provider"} {
			if yamlnode.Field(service, key) != nil {
				return "has services", true
			}
		}
	}
	if len(yamlnode.Items(yamlnode.Field(&root, "include"))) > 0 && yamlnode.Field(&root, "kind") == nil {
		return "includes compose files", true
	}
	doc := yamlnode.Follow(&root)
	if slices.Contains(composeFileNames, path.Base(s.Path)) && doc.Kind == yaml.MappingNode && len(doc.Content) > 0 && checkKeys(doc) == nil {
		return "has the name of a compose file", true
	}
	return "", false
}

// composeFault returns docker compose's error for a file with the name of a compose file.
func composeFault(s *tree.Sample) error {
	data, err := tree.ReadFile(s.FS, s.Path, tree.MaxSmallFile)
	if err != nil {
		return errors.New(tree.Cause(err))
	}
	var root yaml.Node
	switch err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&root); {
	case errors.Is(err, io.EOF):
		return errEmptyCompose
	case err != nil:
		return fmt.Errorf("docker compose can't read it: %w", yamlerror.Worded(err))
	}
	switch doc := yamlnode.Follow(&root); {
	case doc.Kind == yaml.MappingNode && len(doc.Content) > 0:
		return checkKeys(doc)
	case doc.Kind == yaml.SequenceNode && len(doc.Content) > 0:
		return nil // a file of Ansible tasks may have the name
	}
	return errEmptyCompose
}

// derive rewrites the references in the compose files, adds the files that they extend, and names all files for the single
// directory into which docker compose puts them.
func derive(d *compose.Draft) (configblob.Finish, error) {
	orderOverrides(d)
	own := d.WithRole("compose")
	if len(own) == 0 {
		return nil, nil // reported elsewhere
	}
	p, err := newProject(d.FS, path.Dir(own[0].Path))
	if err != nil {
		return nil, err
	}
	p.plain = d.Spec.Source() == nil
	for _, l := range d.WithRole("env") {
		p.env[l.Path] = false
	}
	for _, l := range own {
		p.fill(l, path.Base(l.Path), part{l.Path, p.dir})
		l.Annotations[mediatypes.ComposeFileName] = path.Base(l.Path)
	}
	dropExtended(d, p.parts)
	files := d.WithRole("compose")
	for i := 0; i < len(p.parts); i++ { // each may extend further files
		l := newExtendedLayer(p.parts[i].name)
		p.fill(l, p.parts[i].layerName(), p.parts[i])
		l.Annotations[mediatypes.ComposeFileName] = l.Title
		l.Annotations[mediatypes.ComposeExtends] = "true"
		d.Layers = append(d.Layers, l)
		d.Notes = append(d.Notes, fmt.Sprintf("compose: %s is extended, and is packed as %s", l.Path, l.Title))
	}
	p.check(paths(files))
	if len(p.faults) > 0 {
		d.Report(p.faults...)
		return nil, nil
	}
	if err := nameEnvFiles(d, p); err != nil {
		return nil, err
	}
	d.Warnings = append(d.Warnings, p.warnings...)
	return configblob.Constant(struct{}{})
}

func paths(layers []*compose.Layer) []string {
	names := make([]string, len(layers))
	for i, l := range layers {
		names[i] = l.Path
	}
	return names
}

// orderOverrides puts override files after the files that they override, as docker compose reads them.
func orderOverrides(d *compose.Draft) {
	lists.Sort(d.Layers, func(a, b *compose.Layer) int { return overrides(a) - overrides(b) })
}

// overrides returns a positive number for an override file.
func overrides(l *compose.Layer) int { return strings.Count(path.Base(l.Path), ".override.") }

// dropExtended removes the layers of files that another file extends or includes: docker compose would read them twice. It keeps
// at least one compose file besides override files, which may extend the one that they override.
func dropExtended(d *compose.Draft, extended []part) {
	files := d.WithRole("compose")
	own, _ := lists.Split(files, func(l *compose.Layer) bool { return overrides(l) == 0 })
	if len(own) == 0 {
		own = files
	}
	left := len(own)
	d.Layers = lists.Delete(d.Layers, func(l *compose.Layer) bool {
		if l.Role != "compose" || !slices.ContainsFunc(extended, func(p part) bool { return p.name == l.Path }) {
			return false
		}
		if !slices.Contains(own, l) {
			return true
		}
		left--
		return left > 0
	})
}

// fill sets the title and the content of a layer for a rewritten compose file.
func (p *composeProject) fill(l *compose.Layer, title string, file part) {
	data := p.publish(file)
	if l.Title == "" || l.Title == l.Path {
		l.Title = title
	}
	l.Content, l.Size = data, int64(len(data))
	if l.Annotations == nil {
		l.Annotations = map[string]string{}
	}
}

// newExtendedLayer returns a layer for an extended file, which is not declared itself.
func newExtendedLayer(name string) *compose.Layer {
	return &compose.Layer{Layer: spec.Layer{Path: name, Role: "compose", MediaType: mediatypes.ComposeFile, Packing: mediatypes.Raw}}
}

// nameEnvFiles renames the env files to the names in the rewritten compose files. It drops env files that no service names:
// .env has the values of the publisher, often secrets.
func nameEnvFiles(d *compose.Draft, p *composeProject) error {
	d.Layers = lists.Delete(d.Layers, func(l *compose.Layer) bool {
		unused := l.Role == "env" && !p.env[l.Path]
		if unused {
			d.Notes = append(d.Notes, fmt.Sprintf("compose: %s is left out: no service names it as env_file", l.Path))
		}
		return unused
	})
	var renamed []*compose.Layer
	for _, l := range d.WithRole("env") {
		data, err := tree.ReadFile(d.FS, l.Path, tree.MaxSmallFile)
		if err != nil {
			return &spec.Error{Item: l.Path, Err: err}
		}
		d.Warnings = append(d.Warnings, envWarnings(l.Path, data)...)
		if l.Title == l.Path {
			l.Title = p.title("env_file", l.Path)
			if l.Title != l.Path {
				renamed = append(renamed, l)
			}
		}
		l.SetAnnotation(mediatypes.ComposeEnvFileName, l.Title)
	}
	if len(renamed) == 1 {
		d.Notes = append(d.Notes, fmt.Sprintf("compose: %s is packed as %s, and the packed compose files name it so", renamed[0].Path, renamed[0].Title))
	} else if len(renamed) > 1 {
		d.Notes = append(d.Notes, fmt.Sprintf("compose: %d env files are packed under other names, and the packed compose files name them so: %s",
			len(renamed), textdist.FirstFew(paths(renamed))))
	}
	return nil
}
