package artifact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/davit-oci/davit/artifact/spec"
)

// parseSpec reads a davit.yaml. The name is what problems call the file; "-" is standard input. Its error is Problems, all
// at once. A Spec that comes with Problems holds what could be read: Compose refuses it, and tells the same problems
// together with those it finds in the files. It is nil only where nothing could be read.
func parseSpec(known Catalog, name string, data []byte) (*Spec, error) {
	if name == "-" {
		name = "<stdin>"
	}
	doc := readDocument(name, data)
	if doc.value == nil && len(doc.Problems) > 0 {
		return nil, doc.Problems.Err()
	}
	checker, err := newSchemaChecker(specSchema())
	if err != nil {
		return nil, fmt.Errorf("reading the schema of davit.yaml: %w", err)
	}
	for _, f := range checker.check(doc.value) {
		if f.missing { // checkSpec knows better what is needed when
			continue
		}
		doc.fault(doc, "", f)
		doc.drop(f.pointer) // the rest is read all the same
	}
	declared := &Spec{}
	if err := decodeValue(doc.value, declared); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	declared.SetSource(&doc.Source, "")
	problems := doc.Problems
	checkSpec(known, declared, func(p Problem) { problems = append(problems, p) })
	return declared, problems.Err()
}

// fault notes what is wrong with a value that stands under a pointer in a document.
func (d *document) fault(in *document, under string, f fault) {
	if f.key {
		d.Problems = append(d.Problems, in.KeyProblem(under+f.pointer, f.message, f.hint))
		return
	}
	d.Problems = append(d.Problems, in.Problem(under+f.pointer, f.message, f.hint))
}

// decodeValue fills a struct from a value that readDocument made.
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
func ReadConfig(s *Spec, name string, data []byte) error {
	doc := readDocument(name, data)
	if fields, ok := doc.value.(map[string]any); ok {
		s.SetConfig(fields, &doc.Source)
	} else if len(doc.Problems) == 0 {
		doc.add(spec.Position{Line: 1, Column: 1}, "must be a mapping of config fields", "")
	}
	return doc.Problems.Err()
}

// configProblem points at a config field.
func configProblem(s *Spec, f fault) Problem {
	source, at := s.ConfigSource(f.pointer)
	if f.key {
		return source.KeyProblem(at, f.message, f.hint)
	}
	return source.Problem(at, f.message, f.hint)
}

// layerAt is the pointer of a layer in its Spec.
func layerAt(i int) string { return "/layers/" + strconv.Itoa(i) }
