package modelpack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/kinds/model/survey"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// IsModelfile finds modctl's Modelfile. Ollama's has the same name; it begins with FROM, which modctl does not know.
func IsModelfile(s *tree.Sample) (string, bool) {
	m, err := ParseModelfile(s.Head())
	return "names files with MODEL", err == nil && len(m.files) > 0
}

// ollamaCommands are commands of Ollama's Modelfile, of which modctl's has none.
var ollamaCommands = []string{"FROM", "PARAMETER", "TEMPLATE", "SYSTEM", "ADAPTER", "LICENSE", "MESSAGE", "REQUIRES"}

// isOllama reports whether a Modelfile is one of Ollama.
func isOllama(data []byte) bool {
	for line := range strings.Lines(string(data)) {
		if slices.Contains(ollamaCommands, strings.ToUpper(first(strings.Fields(line)))) {
			return true
		}
	}
	return false
}

func first(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// RefuseBroken reports Modelfiles that modctl would reject: they are declarations, and not documents.
func RefuseBroken(d *compose.Draft) (found bool) {
	for _, l := range d.Layers {
		if path.Base(l.Source()) != "Modelfile" || l.Dir || l.Role == "modelfile" || l.Declared.As != "" {
			continue
		}
		data, err := tree.ReadStart(d.FS, l.Source(), maxModelfile)
		if err != nil || isOllama(data) {
			continue
		}
		m, err := ParseModelfile(data)
		if err == nil && len(m.files) == 0 {
			err = errors.New("it names no files with MODEL")
		}
		if err != nil {
			d.Refuse(l, "mend it, or exclude it", "%q is no Modelfile of modctl: %v", l.Source(), err)
			found = true
		}
	}
	return found
}

// maxModelfile limits a Modelfile, which becomes an annotation.
const maxModelfile = 64 << 10

// modelfile is a Modelfile of modctl.
type modelfile struct {
	fields map[string]string // by command: NAME, ARCH …
	files  []modelfileGlob
}

type modelfileGlob struct{ role, pattern string }

// modelfileRoles are the roles of the commands that name files.
var modelfileRoles = map[string]string{"MODEL": "weights", "CONFIG": "config", "CODE": "code", "DATASET": "dataset", "DOC": "doc"}

// modelfileFields are the commands that describe the model.
var modelfileFields = []string{"NAME", "ARCH", "FAMILY", "FORMAT", "PARAMSIZE", "PRECISION", "QUANTIZATION"}

// ParseModelfile reads a Modelfile: a command and its argument on each line.
func ParseModelfile(data []byte) (*modelfile, error) {
	m := &modelfile{fields: map[string]string{}}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		command, arg := line, ""
		if i := strings.IndexAny(line, " \t"); i > 0 {
			command, arg = line[:i], line[i+1:]
		}
		command, arg = strings.ToUpper(command), unquoted(strings.TrimSpace(arg))
		role, names := modelfileRoles[command]
		switch {
		case arg == "":
			return nil, fmt.Errorf("line %d: %s has no argument", n, command)
		case names:
			m.files = append(m.files, modelfileGlob{role, arg})
		case !slices.Contains(modelfileFields, command):
			return nil, fmt.Errorf("line %d: modctl knows no command %s", n, command)
		case m.fields[command] != "":
			return nil, fmt.Errorf("line %d: %s is given twice", n, command)
		default:
			m.fields[command] = arg
		}
	}
	return m, lines.Err()
}

// unquoted returns an argument without the quotes that modctl writes around one with spaces.
func unquoted(arg string) string {
	if len(arg) > 1 && arg[0] == '"' && arg[len(arg)-1] == '"' {
		return arg[1 : len(arg)-1]
	}
	return arg
}

// derive makes the config from the weights, the Modelfile if there is one, and the declaration.
func derive(d *compose.Draft) (configblob.Finish, error) {
	if RefuseBroken(d) {
		return nil, nil // problems
	}
	derived := map[string]any{"descriptor": map[string]any{}, "config": map[string]any{}}
	if err := takeModelfile(d, derived); err != nil {
		return nil, err
	}
	if len(d.Layers) == 0 {
		return nil, errors.New("there are no files of a model")
	}
	found := weightset.Find(d, "weights")
	if len(found.Faults) > 0 {
		return nil, nil // problems
	}
	assign(d, found)
	if _, own := d.Annotations[mediatypes.ModelPackModelfile]; !own && len(d.WithRole("weights"))+len(d.WithRole("code"))+len(d.WithRole("dataset")) == 0 {
		return nil, errors.New("there is no model, code or dataset among the files, and modctl packs none without a Modelfile")
	}
	facts, err := weightFacts(d, found)
	if err != nil {
		return nil, err
	}
	descriptor := modelDescriptor(d)
	if family := facts["architecture"]; family != nil {
		descriptor["family"] = family // as Docker's packaging writes it
	}
	takeCard(d, facts, descriptor)
	config := d.Overlay(configblob.Merge(map[string]any{"config": facts, "descriptor": descriptor}, derived))
	weightset.TitleFiles(d)
	weightset.SetPaths(d)
	for _, l := range d.Layers {
		if l.Packing != mediatypes.Raw { // the tar has the path of the file, and modctl reads no other
			l.Prefix = weightset.PrefixOf(path.Dir(l.Annotations[mediatypes.ModelPath]))
		}
	}
	return func(layers []spec.Packed) (spec.Finished, error) {
		whole := configblob.Merge(config, map[string]any{"modelfs": map[string]any{"type": "layers", "diffIds": configblob.DiffIDs(layers)}})
		encoded, err := configblob.Encode(whole)
		return spec.Finished{Config: encoded}, err
	}, nil
}

// modelDescriptor returns the fields of the descriptor that the declaration sets.
func modelDescriptor(d *compose.Draft) map[string]any {
	fields := map[string]any{}
	if d.Spec.Name != "" {
		fields["name"] = d.Spec.Name
	}
	if d.Spec.Version != "" {
		fields["version"] = d.Spec.Version
	}
	if !d.Created.IsZero() {
		fields["createdAt"] = d.Created.UTC().Format(time.RFC3339)
	}
	return fields
}

// assign sets the role that each file plays for the model, unless the declaration or a Modelfile says which.
func assign(d *compose.Draft, found *weightset.Parts) {
	_, own := d.Annotations[mediatypes.ModelPackModelfile]
	for _, l := range d.Layers {
		if own || l.Declared.As != "" {
			continue
		}
		switch part := found.Part(l); {
		case part.IsWeights():
			d.Assign(l, "weights", "")
		case part == survey.Imatrix:
			d.Assign(l, "config", "")
		case slices.Contains(l.Type.Match, "*"):
			assignUnknown(d, l)
		}
	}
	found.SortWeights(d, "weights")
	found.Tell(d, false)
}

// assignUnknown sets the role of a file whose name shows none. As for modctl, a large one is weights, and a small one is code
// unless it is text.
func assignUnknown(d *compose.Draft, l *compose.Layer) {
	const large = 128_000_000
	switch {
	case l.Dir || len(l.Files) > 1:
	case l.Info.Size() > large:
		d.Assign(l, "weights", "")
	case !isText(d, l):
		d.Assign(l, "code", "")
	}
}

// isText reports whether the beginning of a file is text.
func isText(d *compose.Draft, l *compose.Layer) bool {
	head, err := tree.ReadStart(d.FS, l.Source(), 1<<10)
	if err != nil || bytes.ContainsRune(head, 0) {
		return false
	}
	for range utf8.UTFMax { // the last character may be cut
		if utf8.Valid(head) {
			return true
		}
		head = head[:len(head)-1]
	}
	return false
}

// weightFacts reads format, architecture, size, and quantization from weights of known formats.
func weightFacts(d *compose.Draft, found *weightset.Parts) (map[string]any, error) {
	read, err := found.Facts(d)
	if err != nil {
		return nil, err
	}
	facts := map[string]any{}
	for key, from := range map[string]string{"format": "format", "architecture": "architecture", "paramSize": "parameters", "quantization": "quantization"} {
		if text, ok := read[from].(string); ok {
			facts[key] = text
		}
	}
	return facts, nil
}

// takeCard takes license and languages from the model card.
func takeCard(d *compose.Draft, facts, descriptor map[string]any) {
	card := weightset.TakeCard(d)
	if card.License != "" {
		descriptor["licenses"] = []any{card.License}
	}
	if len(card.Languages) > 0 {
		facts["capabilities"] = map[string]any{"languages": card.Languages}
	}
}

// takeModelfile replaces a Modelfile with the files that it names, and keeps its text in an annotation, as modctl does.
func takeModelfile(d *compose.Draft, config map[string]any) error {
	i := slices.IndexFunc(d.Layers, func(l *compose.Layer) bool { return l.Role == "modelfile" })
	if i < 0 {
		return nil
	}
	l := d.Layers[i]
	d.Layers = slices.Delete(d.Layers, i, i+1)
	data, err := tree.ReadFile(d.FS, l.Path, maxModelfile)
	if err != nil {
		return &spec.Error{Item: l.Path, Err: errors.New(tree.Cause(err))}
	}
	m, err := ParseModelfile(data)
	if err != nil {
		d.Refuse(l, "", "%q: %v", l.Path, err)
		return nil
	}
	d.Annotations[mediatypes.ModelPackModelfile] = string(data)
	d.CheckNamed(m.fields["NAME"], "", l.Path)
	inner, descriptor := config["config"].(map[string]any), config["descriptor"].(map[string]any)
	for command, into := range map[string]struct {
		object map[string]any
		key    string
	}{
		"NAME": {descriptor, "name"}, "FAMILY": {descriptor, "family"}, "ARCH": {inner, "architecture"}, "FORMAT": {inner, "format"},
		"PARAMSIZE": {inner, "paramSize"}, "PRECISION": {inner, "precision"}, "QUANTIZATION": {inner, "quantization"},
	} {
		if value := m.fields[command]; value != "" {
			into.object[into.key] = value
		}
	}
	return takeNamed(d, l, m)
}

// takeNamed makes the layers those that a Modelfile names, in the roles that it names. Those among the declared
// layers keep their order; the others follow in the order of the Modelfile.
func takeNamed(d *compose.Draft, by *compose.Layer, m *modelfile) error {
	roles, names, err := namedFiles(d, by, m)
	if err != nil {
		return err
	}
	declared := d.Layers
	d.Layers = nil
	for _, l := range declared {
		switch r, named := roles[l.Source()]; {
		case named && r == l.Role:
			d.Layers = append(d.Layers, l)
		case named:
			d.AddFile(by, l.Source(), r)
		}
		delete(roles, l.Source())
	}
	for _, name := range names {
		if r, left := roles[name]; left {
			d.AddFile(by, name, r)
		}
	}
	d.DropUnnamed(by.Path, declared)
	return nil
}

// namedFiles lists the files that a Modelfile names, in its order, and the role of each. Where it names a file twice, the
// first command counts.
func namedFiles(d *compose.Draft, by *compose.Layer, m *modelfile) (roles map[string]string, names []string, err error) {
	roles = map[string]string{}
	for _, f := range m.files {
		found, err := expandNamed(d, by, f.pattern)
		if err != nil {
			return nil, nil, err
		}
		for _, name := range found {
			if roles[name] == "" {
				roles[name] = f.role
				names = append(names, name)
			}
		}
	}
	return roles, names, nil
}

// expandNamed lists the files that a path or pattern of a Modelfile stands for, relative to its own directory. A pattern
// matches no hidden file, unless it says the dot itself.
func expandNamed(d *compose.Draft, by *compose.Layer, pattern string) ([]string, error) {
	if message, _ := declare.BadPath(pattern); message != "" {
		return nil, &spec.Error{Item: by.Path, Err: fmt.Errorf("path %q %s", pattern, message)}
	}
	glob := path.Join(path.Dir(by.Path), pattern)
	if tree.IsGlob(pattern) && !strings.Contains(pattern, "/") {
		glob = path.Join(path.Dir(by.Path), "**", pattern)
	}
	names, err := doublestar.Glob(d.FS, glob, doublestar.WithNoFollow(), doublestar.WithFilesOnly())
	if err != nil {
		return nil, &spec.Error{Item: by.Path, Err: fmt.Errorf("pattern %q: %w", pattern, err)}
	}
	if tree.IsGlob(pattern) && !strings.HasPrefix(path.Base(pattern), ".") {
		base, _ := doublestar.SplitPattern(glob)
		client, err := roles.ClientFilter(d.FS, d.Kind, base)
		if err != nil {
			return nil, &spec.Error{Item: by.Path, Err: err}
		}
		names = slices.DeleteFunc(names, func(name string) bool {
			_, out := roles.LeavesOut(client, name, false)
			return out
		})
	}
	if len(names) == 0 {
		return nil, &spec.Error{Item: by.Path, Err: fmt.Errorf("names %q, and there is no such file", pattern)}
	}
	slices.Sort(names)
	return names, nil
}
