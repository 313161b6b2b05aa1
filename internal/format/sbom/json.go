package sbom

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/internal/jsonwalk"
)

// readJSON reads a document.
func (s *reader) readJSON(r io.Reader) error {
	limited := &partReader{r: r, left: maxPart}
	d := json.NewDecoder(limited)
	if _, err := d.Token(); err != nil {
		return err
	}
	if err := s.object(d, limited); err != nil && !errors.Is(err, errPayloadRead) {
		return err
	}
	if !slices.ContainsFunc([]string{"SPDX-", "CycloneDX ", "Syft "}, func(p string) bool { return strings.HasPrefix(s.sbom.Format, p) }) {
		return errNoSBOM
	}
	s.graph.count(s)
	return nil
}

// object reads the fields of an object whose { was read.
func (s *reader) object(d *json.Decoder, limited *partReader) error {
	for d.More() {
		limited.left = maxPart
		key, err := d.Token()
		if err != nil {
			return err
		}
		if err := s.field(d, limited, key); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// predicate reads the document of an in-toto statement.
func (s *reader) predicate(d *json.Decoder, limited *partReader) error {
	if s.stated || s.sbom.Format != "" {
		return passValue(d, limited)
	}
	s.stated = true
	token, err := d.Token()
	switch {
	case err != nil:
		return err
	case token == json.Delim('{'):
		return s.object(d, limited)
	case token == json.Delim('['):
		return passRest(d, limited)
	}
	return nil
}

// bundled reads the envelope in a sigstore bundle.
func (s *reader) bundled(d *json.Decoder, limited *partReader) error {
	token, err := d.Token()
	switch {
	case err != nil:
		return err
	case token == json.Delim('{') && s.isOutermost() && !s.bundle:
		s.bundle = true
		return s.object(d, limited)
	case token == json.Delim('{'), token == json.Delim('['):
		return passRest(d, limited)
	}
	return nil
}

// isOutermost reports whether no field of a document or statement was read yet.
func (s *reader) isOutermost() bool { return !s.stated && !s.sbom.Enveloped && s.sbom.Format == "" }

// errPayloadRead ends the reading of an envelope after its payload.
var errPayloadRead = errors.New("the payload has been read")

// payload reads the statement in an envelope as a stream: it can be as long as a document.
func (s *reader) payload(d *json.Decoder, limited *partReader) error {
	if !s.isOutermost() {
		return passValue(d, limited)
	}
	s.sbom.Enveloped = true
	text, err := newBase64Text(io.MultiReader(d.Buffered(), limited.r))
	if err != nil {
		return err
	}
	if err := s.readJSON(text); err != nil {
		return err
	}
	return errPayloadRead
}

// field reads the value of a field of the document.
func (s *reader) field(d *json.Decoder, limited *partReader, key json.Token) error {
	switch key {
	case "spdxVersion", "name", "bomFormat", "specVersion":
		return s.stringField(d, key)
	case "metadata":
		return s.metadata(d)
	case "creationInfo":
		return s.creation(d)
	case "packages":
		return eachOf(d, limited, s.spdxPackage)
	case "components":
		return eachOf(d, limited, s.cycloneComponent)
	case "@context":
		return s.context(d)
	case "@graph":
		return eachOf(d, limited, s.element)
	case "artifacts":
		return eachOf(d, limited, s.syftPackage)
	case "source":
		return s.syftSource(d)
	case "schema":
		return s.syftSchema(d)
	case "predicate":
		return s.predicate(d, limited)
	case "dsseEnvelope":
		return s.bundled(d, limited)
	case "payload":
		return s.payload(d, limited)
	}
	return passValue(d, limited)
}

// partReader limits the length of a component.
type partReader struct {
	r    io.Reader
	left int
}

func (p *partReader) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, fmt.Errorf("component too large: the limit is %d bytes", maxPart)
	}
	n, err := p.r.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}

// stringField reads a string; a value of another type is ignored.
func (s *reader) stringField(d *json.Decoder, key json.Token) error {
	var value any
	if err := d.Decode(&value); err != nil {
		return err
	}
	text, _ := value.(string)
	switch key {
	case "name":
		s.sbom.Name = cmp.Or(s.sbom.Name, text)
	case "spdxVersion":
		s.sbom.Format = text
	case "bomFormat":
		s.sbom.Format = strings.TrimSpace(text + " " + s.sbom.Format)
	case "specVersion":
		s.sbom.Format = strings.TrimSpace(s.sbom.Format + " " + text)
	}
	return nil
}

// creation reads when an SPDX 2 document was created.
func (s *reader) creation(d *json.Decoder) error {
	var info struct{ Created string }
	err := lenient(d.Decode(&info))
	s.sbom.Created = outline.Time(info.Created)
	return err
}

func (s *reader) metadata(d *json.Decoder) error {
	var m struct {
		Timestamp string
		Component struct{ Name, Version string }
	}
	err := lenient(d.Decode(&m))
	s.sbom.Created = outline.Time(m.Timestamp)
	s.sbom.Name = strings.TrimSpace(m.Component.Name + " " + m.Component.Version)
	return err
}

// lenient ignores the error of a value of an unexpected type, which stays empty.
func lenient(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return nil
	}
	return err
}

// eachOf calls fn for every element of an array; it skips a value of another type.
func eachOf(d *json.Decoder, limited *partReader, fn func(*json.Decoder) error) error {
	token, err := d.Token()
	if err != nil || token != json.Delim('[') {
		if token == json.Delim('{') {
			err = passRest(d, limited)
		}
		return err
	}
	for d.More() {
		limited.left = maxPart
		if err := fn(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// passValue skips a value without holding it in memory.
func passValue(d *json.Decoder, limited *partReader) error {
	token, err := d.Token()
	if delim, ok := token.(json.Delim); ok && err == nil && (delim == '{' || delim == '[') {
		return passRest(d, limited)
	}
	return err
}

// passRest skips the rest of an object or array.
func passRest(d *json.Decoder, limited *partReader) error {
	return jsonwalk.Skip(d, 1, 0, func() { limited.left = maxPart })
}

func (s *reader) spdxPackage(d *json.Decoder) error {
	var p struct{ Name, VersionInfo, LicenseConcluded, LicenseDeclared string }
	err := lenient(d.Decode(&p))
	s.component(Component{Name: p.Name, Version: p.VersionInfo}, p.LicenseConcluded, p.LicenseDeclared)
	return err
}

// cycloneComponent is a component of CycloneDX, with its parts.
type cycloneComponent struct {
	Group, Name, Version string
	Licenses             []struct {
		Expression string
		License    struct{ ID, Name string }
	}
	Components []cycloneComponent
}

func (s *reader) cycloneComponent(d *json.Decoder) error {
	var c cycloneComponent
	err := lenient(d.Decode(&c))
	s.countComponent(c)
	return err
}

func (s *reader) countComponent(c cycloneComponent) {
	var names []string
	for _, l := range c.Licenses {
		if name := cmp.Or(l.Expression, l.License.ID, l.License.Name); name != "" {
			names = append(names, name)
		}
	}
	s.component(Component{Name: inGroup(c.Group, c.Name), Version: c.Version}, strings.Join(names, " AND "))
	for _, part := range c.Components {
		s.countComponent(part)
	}
}

// inGroup returns the name of a component of CycloneDX with its group: the scope of a package of npm, or the like.
func inGroup(group, name string) string { return strings.TrimPrefix(group+"/"+name, "/") }
