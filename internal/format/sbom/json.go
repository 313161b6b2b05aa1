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

// readJSON reads a document in JSON.
func (s *reader) readJSON(r io.Reader) error {
	limited := &partReader{r: r, left: maxPart}
	d := json.NewDecoder(limited)
	if _, err := d.Token(); err != nil {
		return err
	}
	if err := s.readObject(d, limited); err != nil && !errors.Is(err, errPayloadRead) {
		return err
	}
	if !slices.ContainsFunc([]string{"SPDX-", "CycloneDX ", "Syft "}, func(p string) bool { return strings.HasPrefix(s.sbom.Format, p) }) {
		return errNoSBOM
	}
	s.graph.addPackages(s)
	return nil
}

// readObject reads the fields of an object after its opening brace.
func (s *reader) readObject(d *json.Decoder, limited *partReader) error {
	for d.More() {
		limited.left = maxPart
		key, err := d.Token()
		if err != nil {
			return err
		}
		if err := s.readField(d, limited, key); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// readPredicate reads the document in an in-toto statement.
func (s *reader) readPredicate(d *json.Decoder, limited *partReader) error {
	if s.stated || s.sbom.Format != "" {
		return skipValue(d, limited)
	}
	s.stated = true
	token, err := d.Token()
	switch {
	case err != nil:
		return err
	case token == json.Delim('{'):
		return s.readObject(d, limited)
	case token == json.Delim('['):
		return skipRest(d, limited)
	}
	return nil
}

// readBundled reads the envelope in a sigstore bundle.
func (s *reader) readBundled(d *json.Decoder, limited *partReader) error {
	token, err := d.Token()
	switch {
	case err != nil:
		return err
	case token == json.Delim('{') && s.isOutermost() && !s.bundle:
		s.bundle = true
		return s.readObject(d, limited)
	case token == json.Delim('{'), token == json.Delim('['):
		return skipRest(d, limited)
	}
	return nil
}

// isOutermost reports whether no field of a document or statement was read yet.
func (s *reader) isOutermost() bool { return !s.stated && !s.sbom.Enveloped && s.sbom.Format == "" }

// errPayloadRead ends the reading of an envelope after its payload.
var errPayloadRead = errors.New("the payload has been read")

// readPayload reads the statement in an envelope as a stream: it can be as long as a document.
func (s *reader) readPayload(d *json.Decoder, limited *partReader) error {
	if !s.isOutermost() {
		return skipValue(d, limited)
	}
	s.sbom.Enveloped = true
	text, err := newBase64Reader(io.MultiReader(d.Buffered(), limited.r))
	if err != nil {
		return err
	}
	if err := s.readJSON(text); err != nil {
		return err
	}
	return errPayloadRead
}

// readField reads the value of a field of the document.
func (s *reader) readField(d *json.Decoder, limited *partReader, key json.Token) error {
	switch key {
	case "spdxVersion", "name", "bomFormat", "specVersion":
		return s.readStringField(d, key)
	case "metadata":
		return s.readMetadata(d)
	case "creationInfo":
		return s.readCreation(d)
	case "packages":
		return eachOf(d, limited, s.readSPDXPackage)
	case "components":
		return eachOf(d, limited, s.readCycloneComponent)
	case "@context":
		return s.readContext(d)
	case "@graph":
		return eachOf(d, limited, s.readElement)
	case "artifacts":
		return eachOf(d, limited, s.readSyftPackage)
	case "source":
		return s.readSyftSource(d)
	case "schema":
		return s.readSyftSchema(d)
	case "predicate":
		return s.readPredicate(d, limited)
	case "dsseEnvelope":
		return s.readBundled(d, limited)
	case "payload":
		return s.readPayload(d, limited)
	}
	return skipValue(d, limited)
}

// partReader limits the length of a component. Set left to maxPart before each.
type partReader struct {
	r    io.Reader
	left int
}

// Read implements io.Reader. It fails if left is used up.
func (p *partReader) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, fmt.Errorf("component too large: the limit is %d bytes", maxPart)
	}
	n, err := p.r.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}

// readStringField reads a string; a value of another type is ignored.
func (s *reader) readStringField(d *json.Decoder, key json.Token) error {
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

// readCreation reads the time at which an SPDX 2 document was created.
func (s *reader) readCreation(d *json.Decoder) error {
	var info struct{ Created string }
	err := ignoreType(d.Decode(&info))
	s.sbom.Created = outline.Time(info.Created)
	return err
}

func (s *reader) readMetadata(d *json.Decoder) error {
	var m struct {
		Timestamp string
		Component struct{ Name, Version string }
	}
	err := ignoreType(d.Decode(&m))
	s.sbom.Created = outline.Time(m.Timestamp)
	s.sbom.Name = strings.TrimSpace(m.Component.Name + " " + m.Component.Version)
	return err
}

// ignoreType returns nil if err is about a value of an unexpected type, which stays empty, and otherwise err.
func ignoreType(err error) error {
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
			err = skipRest(d, limited)
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

// skipValue skips a value without holding it in memory.
func skipValue(d *json.Decoder, limited *partReader) error {
	token, err := d.Token()
	if delim, ok := token.(json.Delim); ok && err == nil && (delim == '{' || delim == '[') {
		return skipRest(d, limited)
	}
	return err
}

// skipRest skips the rest of an object or array.
func skipRest(d *json.Decoder, limited *partReader) error {
	return jsonwalk.Skip(d, 1, 0, func() { limited.left = maxPart })
}

func (s *reader) readSPDXPackage(d *json.Decoder) error {
	var p struct{ Name, VersionInfo, LicenseConcluded, LicenseDeclared string }
	err := ignoreType(d.Decode(&p))
	s.addComponent(Component{Name: p.Name, Version: p.VersionInfo}, p.LicenseConcluded, p.LicenseDeclared)
	return err
}

// cycloneComponent is a component of CycloneDX with the components in it.
type cycloneComponent struct {
	Group, Name, Version string
	Licenses             []struct {
		Expression string
		License    struct{ ID, Name string }
	}
	Components []cycloneComponent
}

func (s *reader) readCycloneComponent(d *json.Decoder) error {
	var c cycloneComponent
	err := ignoreType(d.Decode(&c))
	s.countComponent(c)
	return err
}

// countComponent counts a component and the components in it.
func (s *reader) countComponent(c cycloneComponent) {
	var names []string
	for _, l := range c.Licenses {
		if name := cmp.Or(l.Expression, l.License.ID, l.License.Name); name != "" {
			names = append(names, name)
		}
	}
	s.addComponent(Component{Name: withGroup(c.Group, c.Name), Version: c.Version}, strings.Join(names, " AND "))
	for _, part := range c.Components {
		s.countComponent(part)
	}
}

// withGroup prefixes the name of a CycloneDX component with its group, such as the scope of an npm package.
func withGroup(group, name string) string { return strings.TrimPrefix(group+"/"+name, "/") }
