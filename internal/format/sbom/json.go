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
	if s.inStatement || s.sbom.Format != "" {
		return skipValue(d, limited)
	}
	s.inStatement = true
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

// readEnvelope reads the DSSE envelope in a sigstore bundle.
func (s *reader) readEnvelope(d *json.Decoder, limited *partReader) error {
	token, err := d.Token()
	switch {
	case err != nil:
		return err
	case token == json.Delim('{') && s.isOutermost() && !s.inBundle:
		s.inBundle = true
		return s.readObject(d, limited)
	case token == json.Delim('{'), token == json.Delim('['):
		return skipRest(d, limited)
	}
	return nil
}

// isOutermost reports whether the reader is outside of statements and payloads, and has not found the format of a document.
func (s *reader) isOutermost() bool {
	return !s.inStatement && !s.sbom.Enveloped && s.sbom.Format == ""
}

// errPayloadRead stops the reading of an envelope once its payload has been read. readJSON does not return it.
var errPayloadRead = errors.New("the payload has been read")

// readPayload reads the statement in an envelope as a stream, because it may be too long for memory. It returns errPayloadRead at
// the end.
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

// readField reads the value of a field of a document, statement, envelope, or bundle.
func (s *reader) readField(d *json.Decoder, limited *partReader, key json.Token) error {
	switch key {
	case "spdxVersion", "name", "bomFormat", "specVersion":
		return s.readStringField(d, key)
	case "metadata":
		return s.readMetadata(d)
	case "creationInfo":
		return s.readCreation(d)
	case "packages":
		return forEach(d, limited, s.readSPDXPackage)
	case "components":
		return forEach(d, limited, s.readCycloneComponent)
	case "@context":
		return s.readContext(d)
	case "@graph":
		return forEach(d, limited, s.readElement)
	case "artifacts":
		return forEach(d, limited, s.readSyftPackage)
	case "source":
		return s.readSyftSource(d)
	case "schema":
		return s.readSyftSchema(d)
	case "predicate":
		return s.readPredicate(d, limited)
	case "dsseEnvelope":
		return s.readEnvelope(d, limited)
	case "payload":
		return s.readPayload(d, limited)
	}
	return skipValue(d, limited)
}

// partReader limits the bytes that are read for one value. left must be set to maxPart before each value.
type partReader struct {
	r    io.Reader
	left int
}

// Read implements io.Reader. It fails if left is 0.
func (p *partReader) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, fmt.Errorf("value too large: limit is %d MiB", maxPart>>20)
	}
	n, err := p.r.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}

// readStringField reads a string into the summary. A value of another type is read as "".
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
	err := ignoreTypeError(d.Decode(&info))
	s.sbom.Created = outline.Time(info.Created)
	return err
}

// readMetadata reads the time and the name of the described software from CycloneDX metadata.
func (s *reader) readMetadata(d *json.Decoder) error {
	var m struct {
		Timestamp string
		Component struct{ Name, Version string }
	}
	err := ignoreTypeError(d.Decode(&m))
	s.sbom.Created = outline.Time(m.Timestamp)
	s.sbom.Name = strings.TrimSpace(m.Component.Name + " " + m.Component.Version)
	return err
}

// ignoreTypeError returns nil if err reports a value of an unexpected type, and err otherwise. The field for the value stays empty.
func ignoreTypeError(err error) error {
	var typeError *json.UnmarshalTypeError
	if errors.As(err, &typeError) {
		return nil
	}
	return err
}

// forEach calls fn for every element of an array. It skips a value of another type.
func forEach(d *json.Decoder, limited *partReader, fn func(*json.Decoder) error) error {
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

// readSPDXPackage reads an SPDX 2 package.
func (s *reader) readSPDXPackage(d *json.Decoder) error {
	var p struct{ Name, VersionInfo, LicenseConcluded, LicenseDeclared string }
	err := ignoreTypeError(d.Decode(&p))
	s.addComponent(Component{Name: p.Name, Version: p.VersionInfo}, p.LicenseConcluded, p.LicenseDeclared)
	return err
}

// cycloneComponent is a CycloneDX component with its nested components.
type cycloneComponent struct {
	Group, Name, Version string
	Licenses             []struct {
		Expression string
		License    struct{ ID, Name string }
	}
	Components []cycloneComponent
}

// readCycloneComponent reads a CycloneDX component, which may contain others.
func (s *reader) readCycloneComponent(d *json.Decoder) error {
	var c cycloneComponent
	err := ignoreTypeError(d.Decode(&c))
	s.countComponent(c)
	return err
}

// countComponent counts a component and its nested components.
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
