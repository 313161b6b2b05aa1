package declare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/davit-oci/davit/artifact/spec"
)

// Parse reads a davit.yaml. name is the file name in problems; "-" is standard input. The error is a spec.Problems with all problems. A Spec
// returned with Problems holds the parts that could be read: Compose refuses it, and reports the same problems together with those that it
// finds in the files. The Spec is nil only if nothing could be read.
func Parse(known Catalog, name string, data []byte) (*spec.Spec, error) {
	if name == "-" {
		name = "<stdin>"
	}
	doc := ReadDocument(name, data)
	if doc.Value == nil && len(doc.Problems) > 0 {
		return nil, doc.Problems.Err()
	}
	checker, err := NewChecker(specSchema())
	if err != nil {
		return nil, fmt.Errorf("reading the schema of davit.yaml: %w", err)
	}
	for _, f := range checker.Check(doc.Value) {
		if f.missing { // Check reports the keys that are needed
			continue
		}
		doc.AddFault(doc, "", f)
		doc.drop(f.Pointer) // the rest is still read
	}
	declared := &spec.Spec{}
	if err := decodeValue(doc.Value, declared); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	declared.SetSource(&doc.Source, "")
	problems := doc.Problems
	Check(known, declared, func(p spec.Problem) { problems = append(problems, p) })
	return declared, problems.Err()
}

// AddFault adds a fault of a value in the document in. The pointer of the fault is relative to under.
func (d *document) AddFault(in *document, under string, f Fault) {
	if f.key {
		d.Problems = append(d.Problems, in.KeyProblem(under+f.Pointer, f.Message, f.Hint))
		return
	}
	d.Problems = append(d.Problems, in.Problem(under+f.Pointer, f.Message, f.Hint))
}

// decodeValue decodes a JSON-like value into another Go value.
func decodeValue(value, into any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// ReadConfig replaces the config fields of a declaration with those of a YAML or JSON file.
func ReadConfig(s *spec.Spec, name string, data []byte) error {
	doc := ReadDocument(name, data)
	if fields, ok := doc.Value.(map[string]any); ok {
		s.SetConfig(fields, &doc.Source)
	} else if len(doc.Problems) == 0 {
		doc.Add(spec.Position{Line: 1, Column: 1}, "must be a mapping of config fields", "")
	}
	return doc.Problems.Err()
}

// ConfigProblem returns a problem at a config field.
func ConfigProblem(s *spec.Spec, f Fault) spec.Problem {
	source, at := s.ConfigSource(f.Pointer)
	if f.key {
		return source.KeyProblem(at, f.Message, f.Hint)
	}
	return source.Problem(at, f.Message, f.Hint)
}

// LayerAt returns the JSON pointer of layer i in its Spec.
func LayerAt(i int) string { return "/layers/" + strconv.Itoa(i) }
