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
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	"gopkg.in/yaml.v3"
)

// isCompose finds a compose file by its services, or what else only compose files have.
func isCompose(s *tree.Sample) (string, bool) {
	var root yaml.Node
	if data, err := tree.ReadFile(s.FS, s.Path, tree.MaxSmallFile); err != nil || yaml.Unmarshal(data, &root) != nil {
		return "", false
	}
	for _, service := range pairs(field(&root, "services")) {
		for _, key := range [...]string{"image", "build", "extends", "provider"} {
			if field(service, key) != nil {
				return "has services", true
			}
		}
	}
	if len(items(field(&root, "include"))) > 0 && field(&root, "kind") == nil {
		return "includes compose files", true
	}
	return "", false
}

// composeFault says what docker compose chokes on in a file that is named as its own.
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
		return fmt.Errorf("docker compose can't read it: %w", err)
	}
	return errNoServices
}

// derive rewrites what the compose files refer to, adds the files that they extend, and names all as docker
// compose will put them side by side.
func derive(d *compose.Draft) (compose.Finish, error) {
	p := &composeProject{fsys: d.FS, env: map[string]bool{}}
	for _, l := range d.WithRole("env") {
		p.env[l.Path] = false
	}
	orderOverrides(d)
	for _, l := range d.WithRole("compose") {
		if err := p.fill(l, path.Base(l.Path), l.Path); err != nil {
			return nil, err
		}
		l.Annotations[mediatypes.ComposeFileName] = path.Base(l.Path)
	}
	dropExtended(d, p.extends)
	for i := 0; i < len(p.extends); i++ { // each may extend further ones
		l := extended(d, p.extends[i])
		if err := p.fill(l, LayerName(p.extends[i]), p.extends[i]); err != nil {
			return nil, err
		}
		l.Annotations[mediatypes.ComposeFileName] = l.Title
		l.Annotations[mediatypes.ComposeExtends] = "true"
		d.Layers = append(d.Layers, l)
		d.Notes = append(d.Notes, fmt.Sprintf("compose: %s is extended and comes along as %s", p.extends[i], l.Title))
	}
	if own := d.WithRole("compose"); len(own) > 0 && !p.services {
		return nil, &spec.Error{Item: own[0].Path, Err: errNoServices}
	}
	if err := envFiles(d, p); err != nil {
		return nil, err
	}
	d.Warnings = append(d.Warnings, p.warnings...)
	return compose.Constant(struct{}{})
}

// orderOverrides puts override files behind what they override, as docker compose reads them.
func orderOverrides(d *compose.Draft) {
	override := func(l *compose.Layer) int { return strings.Count(path.Base(l.Path), ".override.") }
	slices.SortStableFunc(d.Layers, func(a, b *compose.Layer) int { return override(a) - override(b) })
}

// dropExtended takes files that another one extends or includes out of the application's own: they would be read twice.
func dropExtended(d *compose.Draft, extended []string) {
	own := len(d.WithRole("compose"))
	d.Layers = slices.DeleteFunc(d.Layers, func(l *compose.Layer) bool {
		if l.Role != "compose" || own == 1 || !slices.Contains(extended, l.Path) {
			return false
		}
		own--
		return true
	})
}

// fill makes a layer of a rewritten compose file.
func (p *composeProject) fill(l *compose.Layer, title, name string) error {
	data, err := p.publish(name)
	if err != nil {
		return err
	}
	if l.Title == "" || l.Title == l.Path {
		l.Title = title
	}
	l.Content, l.Size = data, int64(len(data))
	if l.Annotations == nil {
		l.Annotations = map[string]string{}
	}
	return nil
}

// extended is the layer of a file that is not declared itself.
func extended(d *compose.Draft, name string) *compose.Layer {
	return &compose.Layer{Layer: spec.Layer{Path: name, Role: "compose", MediaType: mediatypes.ComposeFile, Packing: mediatypes.Raw}}
}

// envFiles names the env files as the compose files now refer to them. Those that no service names are left out: .env
// holds what the one who publishes the application fills in, often secrets.
func envFiles(d *compose.Draft, p *composeProject) error {
	d.Layers = slices.DeleteFunc(d.Layers, func(l *compose.Layer) bool {
		unused := l.Role == "env" && !p.env[l.Path]
		if unused {
			d.Notes = append(d.Notes, fmt.Sprintf("compose: %s is left out, no service names it as env_file", l.Path))
		}
		return unused
	})
	for _, l := range d.WithRole("env") {
		data, err := tree.ReadFile(d.FS, l.Path, tree.MaxSmallFile)
		if err != nil {
			return &spec.Error{Item: l.Path, Err: err}
		}
		d.Warnings = append(d.Warnings, envWarnings(l.Path, data)...)
		if l.Title == l.Path {
			l.Title = LayerName(l.Path)
		}
		l.SetAnnotation(mediatypes.ComposeEnvFileName, l.Title)
	}
	return nil
}
