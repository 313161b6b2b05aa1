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

// maxRead bounds what is read of a software bill of materials: the largest ones of container images, with every file
// listed, have a tenth of it.
const maxRead = 512 << 20

// maxPart bounds one component: a JSON value is held whole while it is read.
const maxPart = 4 << 20

// Summary is what a software bill of materials states at a glance.
type Summary struct {
	Format     string         `json:"format"`         // "SPDX-2.3", "CycloneDX 1.6", "Syft 16.0.0"
	Name       string         `json:"name,omitempty"` // of what it is about
	Components int            `json:"components"`
	Licenses   []LicenseCount `json:"licenses"` // the most frequent first
	Enveloped  bool           `json:"-"`        // it stands in an envelope with signatures, which nobody verified
}

// LicenseCount is how many components have a licence. License is "" for those that state none.
type LicenseCount struct {
	License    string `json:"license"`
	Components int    `json:"components"`
}

// Read summarises a software bill of materials: SPDX 2 in JSON and as tags, SPDX 3, CycloneDX in JSON and XML, Syft's
// own JSON; alone or in an in-toto statement, which may be in a DSSE envelope or a sigstore bundle. It holds one component
// at a time, and of SPDX 3 the names.
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

var errNoSBOM = errors.New("neither SPDX nor CycloneDX nor Syft's")

// firstByte peeks at the first byte that is no space.
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

// reader counts.
type reader struct {
	sbom     Summary
	licenses map[string]int
	graph    *spdxGraph
	bundle   bool // what is read stands in a bundle
	stated   bool // what is read stands in a statement
}

// component counts one, with the first of the licences that says something.
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

// object goes through the keys of an object that was begun.
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

// predicate is the document where an in-toto statement states it.
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

// bundled reads the envelope of a sigstore bundle.
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

// isOutermost tells whether nothing was read yet that only a document has, or a statement.
func (s *reader) isOutermost() bool { return !s.stated && !s.sbom.Enveloped && s.sbom.Format == "" }

// errPayloadRead ends the reading of an envelope: what comes behind its payload says nothing of the document.
var errPayloadRead = errors.New("the payload has been read")

// payload reads the statement in an envelope, as it comes: it may be as long as a document.
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

// field reads the value of one of the document's keys.
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

// partReader ends the reading of a part that is too long.
type partReader struct {
	r    io.Reader
	left int
}

func (p *partReader) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, fmt.Errorf("a component has more than %d bytes", maxPart)
	}
	n, err := p.r.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}

// stringField reads a string; another value counts as none.
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

// lenient lets a value of another type than expected pass: it counts as empty.
func lenient(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return nil
	}
	return err
}

// eachOf calls fn for every element of an array; what is no array is skipped.
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

// passValue goes past a value without holding it.
func passValue(d *json.Decoder, limited *partReader) error {
	token, err := d.Token()
	if delim, ok := token.(json.Delim); ok && err == nil && (delim == '{' || delim == '[') {
		return passRest(d, limited)
	}
	return err
}

// passRest goes to the end of the object or array that was begun.
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

// cycloneComponent is a component of CycloneDX, with those that it consists of.
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

// readTags reads SPDX 2 in tag:value form.
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
