// Package sbom summarizes software bills of materials: SPDX 2.2 to 3.0.1, CycloneDX 1, and Syft's JSON, bare or in an in-toto
// statement, a DSSE envelope, or a sigstore bundle.
package sbom

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/internal/lists"
)

// maxRead limits the size of a document, in bytes. The largest documents, which list every file of a container image, are a tenth
// of that size.
const maxRead = 512 << 20

// maxPart limits a value that is held in memory while it is read, such as a component, in bytes.
const maxPart = 4 << 20

// Summary summarizes a software bill of materials.
type Summary struct {
	Format     string         `json:"format"`         // "SPDX-2.3", "CycloneDX 1.6", "Syft 16.0.0"
	Name       string         `json:"name,omitempty"` // of the described software
	Components int            `json:"components"`
	Licenses   []LicenseCount `json:"licenses"` // most frequent first
	Created    time.Time      `json:"created,omitzero"`
	Enveloped  bool           `json:"-"` // the document was in an envelope; its signatures were not verified

	List []Component `json:"-"` // the first components; only ReadAll sets it
}

// Component is a row in a table of components.
type Component struct{ Name, Version, License string }

// Outline returns the summary as an outline.
func (s *Summary) Outline() *outline.Outline {
	format := strings.Replace(s.Format, "SPDX-", "SPDX ", 1)
	components := outline.Counts("no components", true, outline.Count{Name: "component", N: s.Components})
	return &outline.Outline{Name: outline.Clip(s.Name), Created: s.Created, Summary: outline.Clip(format) + ", " + components}
}

// LicenseCount is the number of components under a license. License is "" for components without one.
type LicenseCount struct {
	License    string `json:"license"`
	Components int    `json:"components"`
}

// Read summarizes a software bill of materials: SPDX 2 in JSON or tag-value form, SPDX 3, CycloneDX in JSON or XML, or Syft's
// own JSON. The document may be in an in-toto statement, a DSSE envelope, or a sigstore bundle. Read holds one component at a time
// in memory, and for SPDX 3 the names of all packages and licenses.
func Read(r io.Reader) (*Summary, error) { return read(r, 0) }

// ReadAll is like Read, but keeps the first outline.MaxRows components.
func ReadAll(r io.Reader) (*Summary, error) { return read(r, outline.MaxRows) }

// read summarizes a document, and keeps at most list components.
func read(r io.Reader, list int) (*Summary, error) {
	b := bufio.NewReaderSize(bom.Skip(io.LimitReader(r, maxRead)), 64<<10)
	s := &reader{list: list, licenses: map[string]int{}, graph: newSPDXGraph()}
	var err error
	switch first, peekErr := peekByte(b); {
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

// peekByte skips white space and returns the next byte without reading it.
func peekByte(b *bufio.Reader) (byte, error) {
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
	list        int // the number of components to keep
	sbom        Summary
	licenses    map[string]int // numbers of components by license
	graph       *spdxGraph
	inBundle    bool // inside a sigstore bundle
	inStatement bool // inside an in-toto statement
}

// addComponent counts a component under the first of licenses that is not empty, NOASSERTION, or NONE, or else under "".
func (s *reader) addComponent(c Component, licenses ...string) {
	s.sbom.Components++
	for _, l := range licenses {
		if l = strings.TrimSpace(l); l != "" && l != "NOASSERTION" && l != "NONE" {
			c.License = l
			break
		}
	}
	s.licenses[c.License]++
	if len(s.sbom.List) < s.list {
		s.sbom.List = append(s.sbom.List, Component{outline.Clip(c.Name), outline.Clip(c.Version), outline.Clip(c.License)})
	}
}

// finish returns the summary, with the most frequent licenses first.
func (s *reader) finish() *Summary {
	s.sbom.Licenses = []LicenseCount{}
	for _, l := range slices.Sorted(maps.Keys(s.licenses)) {
		s.sbom.Licenses = append(s.sbom.Licenses, LicenseCount{l, s.licenses[l]})
	}
	lists.Sort(s.sbom.Licenses, func(a, b LicenseCount) int { return cmp.Compare(b.Components, a.Components) })
	return &s.sbom
}
