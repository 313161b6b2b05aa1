package ollama

import (
	"cmp"
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
	"github.com/davit-oci/davit/internal/kinds/model/survey"
	"github.com/davit-oci/davit/internal/kinds/model/weightset"
	"github.com/davit-oci/davit/internal/tree"
)

// isModelfile recognizes a Modelfile of Ollama by its commands. Faults are reported when it is parsed.
func isModelfile(s *tree.Sample) (string, bool) {
	return "has Ollama commands", listing.IsOllama(s.Head())
}

// takeModelfile replaces the layers with the files that the Modelfile names, if there is one, and returns its texts.
func takeModelfile(d *compose.Draft) (*texts, error) {
	t := &texts{layers: map[string][]string{}, params: map[string]any{}, fields: map[string]any{}}
	for _, by := range d.WithRole("modelfile") {
		data, err := tree.ReadFile(d.FS, by.Source(), tree.MaxSmallFile)
		if err != nil {
			return nil, &spec.Error{Item: by.Source(), Err: errors.New(tree.Cause(err))}
		}
		commands, err := modelfile.Parse(data)
		if err != nil {
			return nil, listing.Problem(by, err)
		}
		var named []listing.Named
		var faults spec.Problems
		for _, c := range commands {
			if role := fileRoles[c.Name]; role != "" {
				n := listing.Named{Role: role, Command: c.Name, Pattern: c.Args, Line: c.Line}
				if err := checkFile(d, by, n); err == nil {
					named = append(named, n)
				} else if err := faults.Collect(err); err != nil {
					return nil, err
				}
			} else if err := t.apply(c); err != nil {
				_ = faults.Collect(listing.Problem(by, &modelfile.Fault{Line: c.Line, Err: err})) // it is a spec.Problem
			}
		}
		t.by, t.named = by, named
		err = faults.Collect(listing.Naming(named).Apply(d, by))
		if err = cmp.Or(err, faults.Err()); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// fileRoles are the roles of files, by the command that names them.
var fileRoles = map[string]string{"FROM": "model", "ADAPTER": "adapter"}

// checkFile refuses a command that does not name a file below the directory. Ollama also accepts the name of a model in its store.
func checkFile(d *compose.Draft, by *compose.Layer, n listing.Named) error {
	if err := n.CheckPath(by); err != nil {
		return err
	}
	info, err := fs.Stat(d.FS, path.Join(path.Dir(by.Source()), n.Pattern))
	switch {
	case err == nil && info.IsDir():
		return n.Refuse(by, "name a GGUF file", "names a directory")
	case err != nil && !strings.HasPrefix(n.Pattern, ".") && !strings.HasSuffix(strings.ToLower(n.Pattern), ".gguf"):
		return n.Refuse(by, "davit packs files; \"ollama show --modelfile\" names those of a model", "names %q, which does not exist", n.Pattern)
	}
	return nil // a missing file is reported when it is taken
}

// checkRoles refuses a command that names a file of another role. FROM may be repeated to name a model and its projectors, but of
// several models or adapters Ollama would silently use one.
func (t *texts) checkRoles(found *weightset.Parts) error {
	var adapter string
	for _, n := range t.named {
		name := path.Join(path.Dir(t.by.Source()), n.Pattern)
		switch part := found.Parts[name]; {
		case n.Role == "model" && part == survey.OtherSet:
			return n.Refuse(t.by, "remove one of them", "names a second model, besides %s, and Ollama uses one", path.Base(found.Model.Paths[0]))
		case n.Role == "model" && part == survey.Adapter:
			return n.Refuse(t.by, "name it with ADAPTER", "names %q, which is an adapter, not a model", n.Pattern)
		case part == survey.Imatrix:
			return n.Refuse(t.by, "", "names %q, which is an importance matrix", n.Pattern)
		case n.Role == "model":
		case part != survey.Adapter:
			return n.Refuse(t.by, "", "names %q, which is not an adapter", n.Pattern)
		case adapter != "" && adapter != name:
			return n.Refuse(t.by, "remove one of them", "names a second adapter, and Ollama uses one")
		default:
			adapter = name
		}
	}
	return nil
}

// apply applies a command that does not name a file.
func (t *texts) apply(c modelfile.Command) error {
	switch c.Name {
	case "TEMPLATE", "SYSTEM":
		if t.layers[strings.ToLower(c.Name)] = nil; c.Args != "" { // the last one wins
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
		return t.addParameter(c)
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

// deprecated are parameters that Ollama ignores.
var deprecated = strings.Fields("penalize_newline low_vram f16_kv logits_all vocab_only use_mlock mirostat mirostat_tau mirostat_eta")

// addParameter records a parameter, converted to the type that Ollama expects.
func (t *texts) addParameter(c modelfile.Command) error {
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
