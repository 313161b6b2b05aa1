package listing

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/format/modelfile"
	"github.com/davit-oci/davit/internal/tree"
)

// MaxModelfile limits the size of a Modelfile in bytes, because it becomes an annotation of a ModelPack.
const MaxModelfile = 64 << 10

// Modelfile is a Modelfile of modctl.
type Modelfile struct {
	Fields map[string]string // by command: NAME, ARCH …
	Text   string            // the whole file
	files  []Named
}

// Named is a path or glob pattern in a Modelfile, and the command that has it as its argument.
type Named struct {
	Role    string
	Command string
	Pattern string
	Line    int
}

// modelfileRoles are the roles of files, by the command that names them.
var modelfileRoles = map[string]string{"MODEL": Weights, "CONFIG": Config, "CODE": Code, "DATASET": Dataset, "DOC": Doc}

// modelfileFields are the commands that describe the model.
var modelfileFields = []string{"NAME", "ARCH", "FAMILY", "FORMAT", "PARAMSIZE", "PRECISION", "QUANTIZATION"}

// IsModelfile recognizes the Modelfile of modctl. The Modelfile of Ollama has the same name, but it begins with FROM, which is
// not a modctl command.
func IsModelfile(s *tree.Sample) (string, bool) {
	m, err := ParseModelfile(s.Head())
	return "names files with MODEL", err == nil && len(m.files) > 0
}

// IsOllama reports whether a Modelfile is for Ollama: it has an Ollama command. Ollama and modctl share no commands.
func IsOllama(data []byte) bool {
	for line := range strings.Lines(string(data)) {
		if words := strings.Fields(line); len(words) > 0 && modelfile.IsCommand(words[0]) {
			return true
		}
	}
	return false
}

// modelfileFault returns why modctl rejects a Modelfile, or nil if the file is valid, for Ollama, or can't be read.
func modelfileFault(d *compose.Draft, l *compose.Layer) spec.Problems {
	data, err := tree.ReadStart(d.FS, l.Source(), MaxModelfile)
	if err != nil || IsOllama(data) {
		return nil
	}
	m, err := ParseModelfile(data)
	if err == nil && len(m.files) == 0 {
		err = errors.New("names no files with MODEL, which modctl requires")
	}
	if err != nil {
		return spec.Problems{problem(l.Source(), fixHint, err)}
	}
	return nil
}

// ParseModelfile parses a Modelfile, which has a command and its argument on each line. Errors are of type *modelfile.Fault,
// except a line that is too long.
func ParseModelfile(data []byte) (*Modelfile, error) {
	m := &Modelfile{Fields: map[string]string{}}
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
		command, arg = strings.ToUpper(command), unquote(strings.TrimSpace(arg))
		role, names := modelfileRoles[command]
		switch {
		case arg == "":
			return nil, &modelfile.Fault{Line: n, Err: fmt.Errorf("%s has no argument", command)}
		case names:
			m.files = append(m.files, Named{role, command, arg, n})
		case !slices.Contains(modelfileFields, command):
			return nil, &modelfile.Fault{Line: n, Err: fmt.Errorf("modctl has no command %s", command)}
		case m.Fields[command] != "":
			return nil, &modelfile.Fault{Line: n, Err: fmt.Errorf("%s is given twice", command)}
		default:
			m.Fields[command] = arg
		}
	}
	return m, lines.Err()
}

// ReadModelfile reads the Modelfile of a layer.
func ReadModelfile(d *compose.Draft, l *compose.Layer) (*Modelfile, error) {
	data, err := tree.ReadFile(d.FS, l.Source(), MaxModelfile)
	if err != nil {
		return nil, &spec.Error{Item: l.Source(), Err: errors.New(tree.Cause(err))}
	}
	m, err := ParseModelfile(data)
	if err != nil {
		return nil, problem(l.Source(), "", err)
	}
	m.Text = string(data)
	return m, nil
}

// Naming returns a Modelfile that names files and has no fields.
func Naming(files []Named) *Modelfile { return &Modelfile{files: files} }

// Apply replaces the layers with the files that the Modelfile names, with the roles of their commands.
func (m *Modelfile) Apply(d *compose.Draft, by *compose.Layer) error {
	files, err := m.filesIn(d, by)
	if err == nil {
		replace(d, by, files)
	}
	return err
}

// unquote returns an argument without the quotes that modctl writes around one with spaces.
func unquote(arg string) string {
	if len(arg) > 1 && arg[0] == '"' && arg[len(arg)-1] == '"' {
		return arg[1 : len(arg)-1]
	}
	return arg
}

// filesIn lists the files that the Modelfile names, in its order. If it names a file twice, the first command determines the
// role.
func (m *Modelfile) filesIn(d *compose.Draft, by *compose.Layer) ([]file, error) {
	var files []file
	var faults spec.Problems
	seen := map[string]bool{}
	for _, f := range m.files {
		found, err := expandNamed(d, by, f)
		if err := faults.Collect(err); err != nil {
			return nil, err
		}
		for _, name := range found {
			if !seen[name] {
				seen[name] = true
				files = append(files, file{path: name, role: f.Role})
			}
		}
	}
	return files, faults.Err()
}

// Refuse returns a problem at the line of the command in a Modelfile.
func (n Named) Refuse(by *compose.Layer, hint, format string, args ...any) error {
	return spec.Problem{File: by.Source(), Line: n.Line, Message: n.Command + " " + fmt.Sprintf(format, args...), Hint: hint}
}

// CheckPath returns a problem if the path is not below the directory of the Modelfile.
func (n Named) CheckPath(by *compose.Layer) error {
	if message, hint := badPath(n.Pattern); message != "" {
		return n.Refuse(by, hint, "%s", message)
	}
	return nil
}

// expandNamed lists the files that a path or pattern in the Modelfile of layer by matches, sorted. Patterns are relative to the
// Modelfile's directory. A pattern matches a hidden file only if its last element begins with a dot.
func expandNamed(d *compose.Draft, by *compose.Layer, n Named) ([]string, error) {
	if err := n.CheckPath(by); err != nil {
		return nil, err
	}
	pattern := n.Pattern
	dir := path.Dir(by.Source())
	glob := path.Join(dir, pattern)
	if tree.IsGlob(pattern) && !strings.Contains(pattern, "/") {
		glob = path.Join(dir, "**", pattern)
	}
	names, err := doublestar.Glob(d.FS, glob, doublestar.WithNoFollow(), doublestar.WithFilesOnly())
	if err != nil {
		return nil, n.Refuse(by, "", "names the pattern %q: %v", pattern, err)
	}
	if tree.IsGlob(pattern) && !strings.HasPrefix(path.Base(pattern), ".") {
		base, _ := doublestar.SplitPattern(glob)
		client, err := roles.ClientFilter(d.FS, d.Kind, base)
		if err != nil {
			return nil, &spec.Error{Item: by.Source(), Err: err}
		}
		names = slices.DeleteFunc(names, func(name string) bool {
			_, out := roles.Excludes(client, name, false)
			return out
		})
	}
	switch {
	case len(names) == 0 && isDirectory(d, glob):
		return nil, n.Refuse(by, "modctl packs files: "+path.Join(pattern, "*"), "names %q, which is a directory", pattern)
	case len(names) == 0 && tree.IsGlob(pattern):
		return nil, n.Refuse(by, "", "names %q, which matches no files", pattern)
	case len(names) == 0:
		return nil, n.Refuse(by, tree.DidYouMean(d.FS, dir, glob, tree.NotThere), "names %q, which does not exist", pattern)
	}
	slices.Sort(names)
	return names, nil
}
