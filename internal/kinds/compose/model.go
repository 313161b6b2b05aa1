package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/compose/composespec"
	"github.com/davit-oci/davit/internal/kinds/compose/project"
	"github.com/davit-oci/davit/internal/kinds/compose/yamlnode"
	"github.com/davit-oci/davit/internal/tree"
	"gopkg.in/yaml.v3"
)

// loader reads the model of a project.
type loader struct {
	*composeProject
	partial   bool     // some files are remote or have faults, so the model lacks them
	skipped   error    // the first error that publish reports, too
	chain     []string // the files that are being loaded, each included by the one before it
	documents []document
	loaded    map[string]bool // the files in documents; true if a file was checked against the schema

	misspelled map[string]bool  // the services with unknown keys, which may be meant as those that are missing
	reported   map[problem]bool // values that publish reported, which the schema may refuse, too
}

// problem is the position of a fault.
type problem struct {
	file string
	at   spec.Position
}

// document is a document of a file, to find the position of a fault.
type document struct {
	file string
	root *yaml.Node
}

// refuse reports a fault in a file, or, without a file, in the whole project.
func (l *loader) refuse(file string, fault yamlnode.Fault) {
	var at *yaml.Node
	in, most := file, -1
	for _, d := range l.documents {
		if file != "" && d.file != file {
			continue
		}
		key, value, found := yamlnode.Find(d.root, fault.At)
		if found <= most {
			continue
		}
		in, at, most = d.file, value, found
		if key != nil && (fault.OfKey || found < len(fault.At)) {
			at = key
		}
	}
	if at == nil || fault.OfKey || !l.reported[problem{in, spec.Position{Line: at.Line, Column: at.Column}}] {
		l.report(in, at, errors.New(fault.Message))
	}
}

// skip ignores an error that publish reports, too: the model is incomplete.
func (l *loader) skip(err error) {
	l.partial = true
	if l.skipped == nil {
		l.skipped = err
	}
}

// source is a set of files that override each other. Paths in them are relative to base, and vars has the values of their variables.
type source struct {
	names []string
	base  string
	vars  map[string]string
}

// load reads the files of a source, and merges each over the earlier ones.
func (l *loader) load(s source) project.Model {
	m := project.Model{}
	for _, name := range s.names {
		l.chain = append(l.chain, name)
		l.loadFile(m, sourceFile{name, s}, true)
		l.chain = l.chain[:len(l.chain)-1]
	}
	return m
}

// loadFile merges the documents of one file into a model, and reports whether it could read all of them. For a file that is only extended,
// whole is false: docker compose reads only the service.
func (l *loader) loadFile(m project.Model, at sourceFile, whole bool) bool {
	data, err := tree.ReadFile(l.fsys, at.name, tree.MaxSmallFile)
	if err != nil {
		l.skip(err)
		return false
	}
	in := yaml.NewDecoder(bytes.NewReader(data))
	checked, known := l.loaded[at.name]
	l.loaded[at.name] = checked || whole
	for {
		var node yaml.Node
		err := in.Decode(&node)
		if errors.Is(err, io.EOF) {
			return true
		}
		var doc project.Document
		if err == nil {
			doc, err = project.Decode(&node, at.fill)
		}
		if err != nil {
			l.skip(err)
			return false
		}
		if !known {
			l.documents = append(l.documents, document{at.name, &node})
			for _, f := range doc.Faults {
				l.refuse(at.name, f)
			}
		}
		if whole && !checked {
			l.checkSchema(doc.Value, at.name)
		}
		l.merge(m, doc, at, whole)
	}
}

// checkSchema checks a document of a file against the schema.
func (l *loader) checkSchema(value any, file string) {
	if _, ok := value.(project.Model); !ok {
		return // reported when it is rewritten
	}
	for _, f := range composespec.Check(value) {
		l.partial = l.partial || len(f.At) < 2 // what a misspelled section defines is not known
		if len(f.At) == 3 && f.OfKey {
			l.misspelled[f.At[1]] = true
		}
		l.refuse(file, f)
	}
}

// sourceFile is a file of a source.
type sourceFile struct {
	name string
	source
}

// merge merges a document of a file into a model.
func (l *loader) merge(m project.Model, doc project.Document, at sourceFile, whole bool) {
	own, ok := doc.Value.(project.Model)
	if !ok {
		return
	}
	if whole {
		for i, entry := range project.List(own["include"]) {
			included := l.include(entry, at, strconv.Itoa(i))
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
	for _, keys := range doc.Resets {
		project.Remove(m, keys)
	}
	if whole {
		for _, name := range project.Sorted(services) {
			l.resolveExtends(name, scope{at, services}, nil)
		}
	}
	project.Merge(m, own)
}

// include loads the files that an entry of include names. index is that of the entry.
func (l *loader) include(entry any, at sourceFile, index string) project.Model {
	long, ok := entry.(project.Model)
	if !ok {
		long = project.Model{"path": entry}
	}
	f := &composeFile{composeProject: l.composeProject, part: part{at.name, at.base}, vars: at.vars}
	s := source{vars: maps.Clone(at.vars)}
	for _, p := range project.List(long["path"]) {
		name, ok, err := f.localPath("include", fmt.Sprint(p))
		switch {
		case err != nil:
			l.skip(err)
		case !ok:
			l.partial = true
		case slices.Contains(l.chain, name):
			l.refuse(at.name, yamlnode.Fault{At: []string{"include", index},
				Message: "the files include each other in a cycle: " + strings.Join(append(l.chain[:len(l.chain):len(l.chain)], name), " → ")})
		default:
			s.names = append(s.names, name)
		}
	}
	if len(s.names) == 0 {
		return project.Model{}
	}
	s.base = path.Dir(s.names[0])
	if dir, ok := long["project_directory"].(string); ok {
		name, _, err := f.localPath("project_directory", dir)
		if err != nil {
			l.skip(err)
			return project.Model{}
		}
		s.base = name
	}
	var err error
	s.vars, err = l.readVariablesOf(f, project.List(long["env_file"]), s.base)
	if err != nil {
		l.skip(err)
		return project.Model{}
	}
	return l.load(s)
}

// scope holds the services of a file, of which one can extend another.
type scope struct {
	sourceFile
	services project.Model
}

// unresolved replaces extends in a service whose base is remote or has a fault, so that it is not looked up again.
const unresolved = true

// resolveExtends returns a service of a scope, merged over the one that it extends.
func (l *loader) resolveExtends(name string, in scope, chain []string) any {
	own, ok := in.services[name].(project.Model)
	if !ok || own["extends"] == nil || own["extends"] == unresolved {
		return in.services[name]
	}
	baseName, file := parseExtends(own["extends"])
	stop := func() any {
		own["extends"] = unresolved
		return own
	}
	refuse := func(message string) any {
		l.refuse(in.name, yamlnode.Fault{At: []string{"services", name, "extends"}, Message: fmt.Sprintf("service %q: %s", name, message)})
		return stop()
	}
	other := in
	if file != "" {
		f := &composeFile{composeProject: l.composeProject, part: part{in.name, in.base}, vars: in.vars}
		local, ok, err := f.localPath("extends", file)
		if err != nil {
			l.skip(err)
			return stop()
		}
		if !ok {
			l.partial = true
			return stop()
		}
		m := project.Model{}
		other.sourceFile = sourceFile{local, source{base: path.Dir(local), vars: in.vars}}
		if !l.loadFile(m, other.sourceFile, false) {
			return stop()
		}
		other.services, _ = m["services"].(project.Model)
	}
	key := other.name + ":" + baseName
	if _, ok := other.services[baseName]; !ok {
		if baseName == "" && l.loaded[in.name] {
			return stop() // reported by the schema
		}
		return refuse(fmt.Sprintf("it extends the service %q, which is not in %s", baseName, other.name))
	} else if slices.Contains(chain, key) {
		return refuse("it extends itself: " + strings.Join(append(chain, key), " → "))
	}
	base := l.resolveExtends(baseName, other, append(slices.Clip(chain), key))
	below, _ := project.Clone(base).(project.Model)
	if below == nil {
		below = project.Model{}
	}
	delete(own, "extends")
	project.Merge(below, own)
	in.services[name] = below // other services may extend it
	return below
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

// check reports what docker compose refuses before it shows or publishes a project.
func (p *composeProject) check(files []string) {
	l := &loader{composeProject: p, loaded: map[string]bool{}, misspelled: map[string]bool{}, reported: map[problem]bool{}}
	for _, f := range p.faults {
		l.reported[problem{f.File, spec.Position{Line: f.Line, Column: f.Column}}] = true
	}
	m := l.load(source{files, p.dir, p.vars})
	faults := project.CheckConsistency(m, l.partial)
	services, _ := m["services"].(project.Model)
	for _, name := range project.Sorted(services) {
		s, _ := services[name].(project.Model)
		if s["build"] != nil && project.Text(s["image"]) == "" && s["extends"] == nil {
			faults = append(faults, yamlnode.Fault{At: []string{"services", name, "image"}, OfKey: true,
				Message: fmt.Sprintf("service %q: it has a build section and no image; docker compose does not publish it", name)})
		}
	}
	for _, f := range faults {
		if len(f.At) != 3 || f.At[2] != "image" || !l.misspelled[f.At[1]] {
			l.refuse("", f)
		}
	}
	if l.skipped != nil && len(p.faults) == 0 {
		p.report(files[0], nil, l.skipped)
	}
}
