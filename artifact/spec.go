package artifact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/davit-oci/davit/mediatypes"
)

// Spec is a declaration: what davit.yaml says, or what Detect made of plain files. A Spec can also be built by hand;
// the zero value of every field leaves it out.
type Spec struct {
	Kind         string            `json:"kind,omitempty"`         // a built-in kind, or the path of a kind file
	Name         string            `json:"name,omitempty"`         // org.opencontainers.image.title
	Version      string            `json:"version,omitempty"`      // org.opencontainers.image.version
	ArtifactType string            `json:"artifactType,omitempty"` // another one than the kind's
	Tags         []string          `json:"tags,omitempty"`         // besides the tag of the target
	Annotations  map[string]string `json:"annotations,omitempty"`
	Config       map[string]any    `json:"config,omitempty"` // wins over what is read out of the files
	Layers       []LayerSpec       `json:"layers,omitempty"`
	Platform     string            `json:"platform,omitempty"`  // OS/ARCH[/VARIANT][:OS_VERSION]; of an entry of Platforms
	Platforms    []*Spec           `json:"platforms,omitempty"` // instead of Layers; only what differs from this Spec
	Referrers    []*Spec           `json:"referrers,omitempty"`
	Subject      string            `json:"subject,omitempty"`
	Base         string            `json:"base,omitempty"`

	// Dir is what the directory itself is called where a layer is "."; empty: Name, else the kind's name, since a
	// checkout can be called anything.
	Dir string `json:"-"`
	// Created becomes org.opencontainers.image.created; zero leaves it out, so that equal files give equal digests.
	Created time.Time `json:"-"`

	// Own is the kind, where it is none of davit's and was read elsewhere; Kind is its name then. Nil: Kind tells it, and
	// a kind file is read from the file system that the layers are in.
	Own *mediatypes.Kind `json:"-"`

	doc       *document // where the Spec was read; nil when it was not
	at        string    // JSON pointer of this Spec in doc
	configDoc *document // where Config was read, if elsewhere
	whole     *Spec     // of an entry of Platforms, the Spec that says what it doesn't
}

// LayerSpec is one entry of layers.
type LayerSpec struct {
	Path        string             `json:"path"`         // a file, a directory or a glob
	As          string             `json:"as,omitempty"` // the role; found by pattern and content when empty
	Packing     mediatypes.Packing `json:"packing,omitempty"`
	Title       string             `json:"title,omitempty"`
	MediaType   string             `json:"mediaType,omitempty"`
	Annotations map[string]string  `json:"annotations,omitempty"`
	Exclude     []string           `json:"exclude,omitempty"`
	Preserve    *bool              `json:"preserve,omitempty"` // nil: as the kind has it
	Split       *bool              `json:"split,omitempty"`    // likewise
}

// UnmarshalJSON reads the short form, a path alone, as well as the long one.
func (l *LayerSpec) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &l.Path)
	}
	type long LayerSpec
	return json.Unmarshal(data, (*long)(l))
}

// Parse reads a davit.yaml. The name is what problems call the file; "-" is standard input. Its error is Problems, all
// at once. A Spec that comes with Problems holds what could be read: Compose refuses it, and tells the same problems
// together with those it finds in the files. It is nil only where nothing could be read.
func Parse(name string, data []byte) (*Spec, error) {
	if name == "-" {
		name = "<stdin>"
	}
	doc := readDocument(name, data)
	if doc.value == nil && len(doc.problems) > 0 {
		return nil, doc.problems.err()
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
	spec := &Spec{}
	if err := decodeValue(doc.value, spec); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	spec.locate(doc, "")
	problems := doc.problems
	checkSpec(spec, func(p Problem) { problems = append(problems, p) })
	return spec, problems.err()
}

// fault notes what is wrong with a value that stands under a pointer in a document.
func (d *document) fault(in *document, under string, f fault) {
	if f.key {
		d.problems = append(d.problems, in.keyProblem(under+f.pointer, f.message, f.hint))
		return
	}
	d.problems = append(d.problems, in.problem(under+f.pointer, f.message, f.hint))
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

// locate tells a Spec, and those inside, where it stands. Entries that are null are dropped: they are problems already.
func (s *Spec) locate(doc *document, at string) {
	s.doc, s.at = doc, at
	for name, specs := range map[string][]*Spec{"platforms": s.Platforms, "referrers": s.Referrers} {
		for i, inner := range specs {
			if inner == nil {
				specs[i] = &Spec{}
			}
			specs[i].locate(doc, at+"/"+name+"/"+strconv.Itoa(i))
		}
	}
}

// ReadConfig takes the config fields from a YAML or JSON file instead of from the declaration.
func (s *Spec) ReadConfig(name string, data []byte) error {
	doc := readDocument(name, data)
	if fields, ok := doc.value.(map[string]any); ok {
		s.Config, s.configDoc = fields, doc
	} else if len(doc.problems) == 0 {
		doc.add(position{1, 1}, "must be a mapping of config fields", "")
	}
	return doc.problems.err()
}

// problem points at a part of the Spec: "/layers/0/path".
func (s *Spec) problem(part, message, hint string) Problem {
	return s.doc.problem(s.at+part, message, hint)
}

// keyProblem points at a key of the Spec.
func (s *Spec) keyProblem(part, message, hint string) Problem {
	return s.doc.keyProblem(s.at+part, message, hint)
}

// configFault points at a config field.
func (s *Spec) configFault(f fault) Problem {
	doc, under := s.doc, s.at+"/config"
	if s.configDoc != nil {
		doc, under = s.configDoc, ""
	} else if s.whole != nil && !doc.has(under+f.pointer) {
		return s.whole.configFault(f)
	}
	if f.key {
		return doc.keyProblem(under+f.pointer, f.message, f.hint)
	}
	return doc.problem(under+f.pointer, f.message, f.hint)
}

// layerAt is the pointer of a layer in its Spec.
func layerAt(i int) string { return "/layers/" + strconv.Itoa(i) }
