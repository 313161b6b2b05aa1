package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/format/yamlerror"
	"github.com/davit-oci/davit/internal/kinds/compose/composespec"
	"github.com/davit-oci/davit/internal/kinds/compose/project"
	"github.com/davit-oci/davit/internal/tree"
	"gopkg.in/yaml.v3"
)

// loader reads the model of a project.
type loader struct {
	*composeProject
	remote bool     // some files are remote, so the model lacks them
	chain  []string // the files that are being loaded, each included by the one before it
}

// source is a set of files that override each other. Paths in them are relative to base, and vars has the values of their variables.
type source struct {
	names []string
	base  string
	vars  map[string]string
}

// load reads the files of a source, and merges each over the earlier ones.
func (l *loader) load(s source) (project.Model, error) {
	m := project.Model{}
	for _, name := range s.names {
		if slices.Contains(l.chain, name) {
			return nil, &spec.Error{Item: name, Err: fmt.Errorf("the files include each other in a cycle: %s", strings.Join(append(l.chain, name), " → "))}
		}
		l.chain = append(l.chain, name)
		err := l.loadFile(m, name, s, true)
		l.chain = l.chain[:len(l.chain)-1]
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

// loadFile merges the documents of one file into a model. For a file that is only extended, whole is false: docker compose reads
// only the service.
func (l *loader) loadFile(m project.Model, name string, s source, whole bool) error {
	data, err := tree.ReadFile(l.fsys, name, tree.MaxSmallFile)
	if err != nil {
		return err
	}
	in := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var node yaml.Node
		err := in.Decode(&node)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = l.loadDocument(m, &node, sourceFile{name, s}, whole)
		}
		if own := (*spec.Error)(nil); err != nil && !errors.As(err, &own) {
			err = &spec.Error{Item: name, Err: yamlerror.Worded(err)}
		}
		if err != nil {
			return err
		}
	}
}

// sourceFile is a file of a source.
type sourceFile struct {
	name string
	source
}

// loadDocument merges a document of a file into a model.
func (l *loader) loadDocument(m project.Model, node *yaml.Node, at sourceFile, whole bool) error {
	value, reset, err := project.Decode(node, at.fill)
	if err != nil {
		return err
	}
	own, ok := value.(project.Model)
	if !ok {
		return nil // reported when it is rewritten
	}
	if whole {
		if err := composespec.Check(own); err != nil {
			return err
		}
		for _, entry := range project.List(own["include"]) {
			included, err := l.include(entry, at)
			if err != nil {
				return err
			}
			delete(included, "name")
			project.Merge(included, own)
			own = included
		}
	}
	services, _ := own["services"].(project.Model)
	for _, service := range services {
		if service, ok := service.(project.Model); ok {
			project.Expand(service)
		}
	}
	for _, keys := range reset {
		project.Remove(m, keys)
	}
	if whole {
		for name, service := range services {
			if services[name], err = l.resolveExtends(service, at, services, nil); err != nil {
				return fmt.Errorf("service %q: %w", name, err)
			}
		}
	}
	project.Merge(m, own)
	return nil
}

// include loads the files that an entry of include names.
func (l *loader) include(entry any, at sourceFile) (project.Model, error) {
	long, ok := entry.(project.Model)
	if !ok {
		long = project.Model{"path": entry}
	}
	f := &composeFile{composeProject: l.composeProject, part: part{at.name, at.base}, vars: at.vars}
	s := source{vars: maps.Clone(at.vars)}
	for _, p := range project.List(long["path"]) {
		name, ok, err := f.localPath("include", fmt.Sprint(p))
		if err != nil {
			return nil, err
		}
		if !ok {
			l.remote = true
			continue
		}
		s.names = append(s.names, name)
	}
	if len(s.names) == 0 {
		return project.Model{}, nil
	}
	s.base = path.Dir(s.names[0])
	if dir, ok := long["project_directory"].(string); ok {
		name, _, err := f.localPath("project_directory", dir)
		if err != nil {
			return nil, err
		}
		s.base = name
	}
	var err error
	s.vars, err = l.readVariablesOf(f, project.List(long["env_file"]), s.base)
	if err != nil {
		return nil, err
	}
	return l.load(s)
}

// resolveExtends returns a service, merged over the one that it extends.
func (l *loader) resolveExtends(service any, at sourceFile, services project.Model, chain []string) (any, error) {
	own, ok := service.(project.Model)
	if !ok || own["extends"] == nil {
		return service, nil
	}
	name, file := parseExtends(own["extends"])
	if file != "" {
		f := &composeFile{composeProject: l.composeProject, part: part{at.name, at.base}, vars: at.vars}
		local, ok, err := f.localPath("extends", file)
		if err != nil {
			return nil, err
		}
		if !ok {
			l.remote = true
			return service, nil
		}
		at = sourceFile{local, source{base: path.Dir(local), vars: at.vars}}
		other := project.Model{}
		if err := l.loadFile(other, local, at.source, false); err != nil {
			return nil, err
		}
		services, _ = other["services"].(project.Model)
	}
	base, ok := services[name]
	key := at.name + ":" + name
	switch {
	case !ok:
		return nil, fmt.Errorf("it extends the service %q, which is not in %s", name, at.name)
	case slices.Contains(chain, key):
		return nil, fmt.Errorf("it extends itself: %s", strings.Join(append(chain, key), " → "))
	}
	base, err := l.resolveExtends(base, at, services, append(chain, key))
	if err != nil {
		return nil, err
	}
	below, _ := project.Clone(base).(project.Model)
	if below == nil {
		below = project.Model{}
	}
	delete(own, "extends")
	project.Merge(below, own)
	return below, nil
}

// parseExtends returns the service that extends names, and the file of the service, or "" for the same file.
func parseExtends(extends any) (service, file string) {
	if long, ok := extends.(project.Model); ok {
		service, _ = long["service"].(string)
		file, _ = long["file"].(string)
		return service, file
	}
	service, _ = extends.(string)
	return service, ""
}

// fill replaces the variables in a text. A text with a variable that is not set stays unchanged.
func (s source) fill(value string) (string, error) {
	if !strings.Contains(value, "$") {
		return value, nil
	}
	lookup := func(name string) (string, bool) { v, ok := s.vars[name]; return v, ok }
	_, err := template.SubstituteWithOptions(value, lookup, template.WithoutLogging)
	if invalid := (*template.InvalidTemplateError)(nil); errors.As(err, &invalid) {
		return "", fmt.Errorf("docker compose can't fill in the variables of %q; write $$ for a dollar sign", value)
	}
	if filled, err := fillIn(value, s.vars); err == nil {
		return filled, nil
	}
	return value, nil
}

// check returns the first error that docker compose would report before it shows or publishes a project.
func (p *composeProject) check(files []string) error {
	l := &loader{composeProject: p}
	m, err := l.load(source{files, p.dir, p.vars})
	if err != nil {
		return err
	}
	if err := project.CheckConsistency(m, l.remote); err != nil {
		return &spec.Error{Item: files[0], Err: err}
	}
	services, _ := m["services"].(project.Model)
	for _, name := range project.Sorted(services) {
		s, _ := services[name].(project.Model)
		if s["build"] != nil && project.Text(s["image"]) == "" && s["extends"] == nil {
			return &spec.Error{Item: files[0], Err: fmt.Errorf("service %q: it has a build section and no image; docker compose does not publish it", name)}
		}
	}
	return nil
}
