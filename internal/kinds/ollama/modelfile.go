package ollama

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/modelfile"
	"github.com/davit-oci/davit/internal/kinds/model/listing"
	"github.com/davit-oci/davit/internal/tree"
)

// isModelfile finds a Modelfile of Ollama. What is wrong with it is reported when it is read.
func isModelfile(s *tree.Sample) (string, bool) {
	return "has commands of Ollama", listing.IsOllama(s.Head())
}

// takeModelfile replaces a Modelfile with the files that it names, and returns the texts in it.
func takeModelfile(d *compose.Draft) (*texts, error) {
	t := &texts{layers: map[string][]string{}, params: map[string]any{}, fields: map[string]any{}}
	for _, by := range d.WithRole("modelfile") {
		data, err := tree.ReadFile(d.FS, by.Source(), tree.MaxSmallFile)
		if err != nil {
			return nil, &spec.Error{Item: by.Source(), Err: errors.New(tree.Cause(err))}
		}
		commands, err := modelfile.Parse(data)
		if err != nil {
			return nil, &spec.Error{Item: by.Source(), Err: err}
		}
		var named [][2]string
		for _, c := range commands {
			if role := fileRoles[c.Name]; role != "" {
				if err := isFile(d, by, c); err != nil {
					return nil, err
				}
				named = append(named, [2]string{role, c.Args})
			} else if err := t.take(c); err != nil {
				return nil, &spec.Error{Item: by.Source(), Err: fmt.Errorf("line %d: %w", c.Line, err)}
			}
		}
		if err := listing.Naming(named).Apply(d, by); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// fileRoles are the roles of the files that commands name.
var fileRoles = map[string]string{"FROM": "model", "ADAPTER": "adapter"}

// isFile reports a command that names no file. To Ollama, it may name a model that it has.
func isFile(d *compose.Draft, by *compose.Layer, c modelfile.Command) error {
	info, err := fs.Stat(d.FS, path.Join(path.Dir(by.Source()), c.Args))
	switch {
	case err == nil && info.IsDir():
		return &spec.Error{Item: by.Source(), Err: fmt.Errorf("line %d: %s names a directory", c.Line, c.Name), Hint: "name a GGUF file"}
	case err != nil && !strings.HasPrefix(c.Args, ".") && !strings.HasSuffix(strings.ToLower(c.Args), ".gguf"):
		return &spec.Error{Item: by.Source(), Err: fmt.Errorf("line %d: %s names %q, and there is no such file", c.Line, c.Name, c.Args),
			Hint: "davit packs files; \"ollama show --modelfile\" names those of a model"}
	}
	return nil // a missing file is reported when it is taken
}

// take keeps what a command says.
func (t *texts) take(c modelfile.Command) error {
	switch c.Name {
	case "TEMPLATE", "SYSTEM":
		if t.layers[strings.ToLower(c.Name)] = nil; c.Args != "" { // the last one counts
			t.layers[strings.ToLower(c.Name)] = []string{c.Args}
		}
	case "LICENSE":
		if c.Args != "" {
			t.layers["license"] = append(t.layers["license"], c.Args)
		}
	case "RENDERER", "PARSER":
		t.fields[strings.ToLower(c.Name)] = c.Args
	case "REQUIRES":
		version := strings.TrimPrefix(c.Args, "v")
		if !spec.IsSemver(version) {
			return fmt.Errorf("REQUIRES %s: want a version, such as 0.14.0", c.Args)
		}
		t.fields["requires"] = version
	case "MESSAGE":
		t.chat = append(t.chat, message{c.Key, c.Args})
	case "PARAMETER":
		return t.parameter(c)
	default:
		return fmt.Errorf("%s is not packed", c.Name)
	}
	return nil
}

// parameters are the types of the parameters that Ollama knows (Options in api/types.go of ollama).
var parameters = map[string]string{
	"num_keep": "int", "seed": "int", "num_predict": "int", "top_k": "int", "top_p": "float", "min_p": "float", "typical_p": "float", "repeat_last_n": "int",
	"temperature": "float", "repeat_penalty": "float", "presence_penalty": "float", "frequency_penalty": "float", "stop": "list",
	"num_ctx": "int", "num_batch": "int", "num_gpu": "int", "main_gpu": "int", "use_mmap": "bool", "num_thread": "int", "draft_num_predict": "int",
}

// deprecated are parameters that Ollama leaves out.
var deprecated = strings.Fields("penalize_newline low_vram f16_kv logits_all vocab_only use_mlock mirostat mirostat_tau mirostat_eta")

// parameter keeps a parameter in the type that Ollama reads.
func (t *texts) parameter(c modelfile.Command) error {
	var value any
	var err error
	switch parameters[c.Key] {
	case "int":
		value, err = strconv.ParseInt(c.Args, 10, 64)
	case "float":
		var f float64
		f, err = strconv.ParseFloat(c.Args, 32)
		value = float32(f)
	case "bool":
		value, err = strconv.ParseBool(c.Args)
	case "list":
		have, _ := t.params[c.Key].([]string)
		value = append(have, c.Args)
	default:
		if slices.Contains(deprecated, c.Key) {
			return nil
		}
		return fmt.Errorf("unknown parameter %q", c.Key)
	}
	if err != nil {
		return fmt.Errorf("parameter %s: invalid value %q", c.Key, c.Args)
	}
	t.params[c.Key] = value
	return nil
}
