// Package sbom summarizes software bills of materials: SPDX 2.2 to 3.0.1, CycloneDX 1 and Syft's JSON, bare or in an in-toto
// statement, a DSSE envelope or a sigstore bundle.
package sbom

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/format/bom"
)

// maxRead bounds a document, in bytes. The largest ones, of container images with every file listed, have a tenth of that.
const maxRead = 512 << 20

// maxPart bounds a component, in bytes: it is held in memory while it is read.
const maxPart = 4 << 20

// Summary summarizes a software bill of materials.
type Summary struct {
	Format     string         `json:"format"`         // "SPDX-2.3", "CycloneDX 1.6", "Syft 16.0.0"
	Name       string         `json:"name,omitempty"` // of the subject
	Components int            `json:"components"`
	Licenses   []LicenseCount `json:"licenses"` // most frequent first
	Enveloped  bool           `json:"-"`        // it was in an envelope, whose signatures were not verified
}

// LicenseCount is the number of components under a license. License is "" for those without one.
type LicenseCount struct {
	License    string `json:"license"`
	Components int    `json:"components"`
}

// Read summarizes a software bill of materials: SPDX 2 in JSON or tag-value form, SPDX 3, CycloneDX in JSON or XML, or Syft's
// own JSON, alone or in an in-toto statement, a DSSE envelope, or a sigstore bundle. In memory it holds one component at a
// time, and the names of an SPDX 3 document.
func Read(r io.Reader) (*Summary, error) {
	b := bufio.NewReaderSize(bom.Skip(io.LimitReader(r, maxRead)), 64<<10)
	s := &reader{licenses: map[string]int{}, graph: newSPDXGraph()}
	var err error
	switch first, peekErr := firstByte(b); {
	case peekErr != nil:
		err = errNoSBOM
	case first == '{':
		err = s.readJSON(b)
	case first == '<':
		err = s.readXML(b)
	default:
		err = s.readTags(b)
	}
	if err == nil && s.sbom.Format == "" {
		err = errNoSBOM
	}
	if err != nil {
		return nil, fmt.Errorf("reading the software bill of materials: %w", err)
	}
	return s.finish(), nil
}

var errNoSBOM = errors.New("not an SPDX, CycloneDX, or Syft document")

// firstByte peeks at the first byte after white space.
func firstByte(b *bufio.Reader) (byte, error) {
	for {
		c, err := b.ReadByte()
		if err != nil {
			return 0, err
		}
		if !bytes.ContainsRune([]byte(" \t\r\n"), rune(c)) {
			return c, b.UnreadByte()
		}
	}
}

// reader counts components and licenses.
type reader struct {
	sbom     Summary
	licenses map[string]int
	graph    *spdxGraph
	bundle   bool // inside a sigstore bundle
	stated   bool // inside an in-toto statement
}

// component counts a component under the first license that is known.
func (s *reader) component(licenses ...string) {
	s.sbom.Components++
	for _, l := range licenses {
		if l = strings.TrimSpace(l); l != "" && l != "NOASSERTION" && l != "NONE" {
			s.licenses[l]++
			return
		}
	}
	s.licenses[""]++
}

func (s *reader) finish() *Summary {
	s.sbom.Licenses = []LicenseCount{}
	for _, l := range slices.Sorted(maps.Keys(s.licenses)) {
		s.sbom.Licenses = append(s.sbom.Licenses, LicenseCount{l, s.licenses[l]})
	}
	slices.SortStableFunc(s.sbom.Licenses, func(a, b LicenseCount) int { return cmp.Compare(b.Components, a.Components) })
	return &s.sbom
}

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

func (s *reader) metadata(d *json.Decoder) error {
	var m struct {
		Component struct{ Name, Version string }
	}
	err := lenient(d.Decode(&m))
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
	for depth := 1; depth > 0; {
		limited.left = maxPart
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
}

func (s *reader) spdxPackage(d *json.Decoder) error {
	var p struct{ LicenseConcluded, LicenseDeclared string }
	err := lenient(d.Decode(&p))
	s.component(p.LicenseConcluded, p.LicenseDeclared)
	return err
}

// cycloneComponent is a component of CycloneDX, with its parts.
type cycloneComponent struct {
	Licenses []struct {
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
	s.component(strings.Join(names, " AND "))
	for _, part := range c.Components {
		s.countComponent(part)
	}
}

// readTags reads SPDX 2 in tag-value form.
func (s *reader) readTags(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxPart)
	var concluded, declared string
	open := false
	flush := func() {
		if open {
			s.component(concluded, declared)
		}
		concluded, declared = "", ""
	}
	for lines.Scan() {
		tag, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimSpace(value)
		switch tag {
		case "SPDXVersion":
			s.sbom.Format = value
		case "DocumentName":
			s.sbom.Name = value
		case "PackageName":
			flush()
			open = true
		case "PackageLicenseConcluded":
			concluded = value
		case "PackageLicenseDeclared":
			declared = value
		}
	}
	flush()
	if !strings.HasPrefix(s.sbom.Format, "SPDX-") {
		return errNoSBOM
	}
	return lines.Err()
}
