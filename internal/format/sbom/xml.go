package sbom

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/internal/format/xmldoc"
)

// CycloneDXNamespace is the namespace of CycloneDX in XML, without the version.
const CycloneDXNamespace = "http://cyclonedx.org/schema/bom/"

// readXML reads CycloneDX in XML.
func (s *reader) readXML(r io.Reader) error {
	d := xml.NewDecoder(r)
	d.CharsetReader = xmldoc.AnyCharset
	x := xmlSBOM{reader: s}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := x.startElement(t); err != nil {
				return err
			}
		case xml.CharData:
			x.text = append(x.text, t[:min(len(t), 1<<10)]...)
		case xml.EndElement:
			x.endElement()
		}
	}
}

// xmlSBOM tracks the open elements of a CycloneDX document.
type xmlSBOM struct {
	reader *reader
	path   []string       // names of the open elements, the innermost last
	open   []xmlComponent // the open components, the innermost last
	text   []byte         // text of the innermost element
}

// xmlComponent is a component and its licenses.
type xmlComponent struct {
	Component
	group    string
	licenses []string
}

// maxXMLDepth limits the nesting of elements.
const maxXMLDepth = 1000

// startElement opens an element. It fails with errNoSBOM if the root element is not CycloneDX's, and if the nesting exceeds
// maxXMLDepth.
func (x *xmlSBOM) startElement(t xml.StartElement) error {
	if len(x.path) == 0 {
		version, ok := strings.CutPrefix(t.Name.Space, CycloneDXNamespace)
		if !ok || t.Name.Local != "bom" {
			return errNoSBOM
		}
		x.reader.sbom.Format = "CycloneDX " + version
	}
	if len(x.path) >= maxXMLDepth {
		return fmt.Errorf("too many levels of nesting: limit is %d", maxXMLDepth)
	}
	x.path = append(x.path, t.Name.Local)
	x.text = x.text[:0]
	if x.isIn("components", "component") {
		x.open = append(x.open, xmlComponent{})
	}
	return nil
}

// isIn reports whether names are the names of the innermost open elements.
func (x *xmlSBOM) isIn(names ...string) bool {
	return len(x.path) >= len(names) && slices.Equal(x.path[len(x.path)-len(names):], names)
}

// endElement stores the text of the innermost element and closes the element.
func (x *xmlSBOM) endElement() {
	text := strings.TrimSpace(string(x.text))
	last := len(x.open) - 1
	switch {
	case x.isIn("components", "component"):
		x.reader.addComponent(x.open[last].Component, strings.Join(x.open[last].licenses, " AND "))
		x.open = x.open[:last]
	case last >= 0 && x.isIn("components", "component", "group"):
		x.open[last].group = text
	case last >= 0 && x.isIn("components", "component", "name"):
		x.open[last].Name = withGroup(x.open[last].group, text)
	case last >= 0 && x.isIn("components", "component", "version"):
		x.open[last].Version = text
	case last >= 0 && (x.isIn("component", "licenses", "license", "id") || x.isIn("component", "licenses", "license", "name") ||
		x.isIn("component", "licenses", "expression")):
		x.open[last].licenses = append(x.open[last].licenses, text)
	case x.isIn("bom", "metadata", "timestamp"):
		x.reader.sbom.Created = outline.Time(text)
	case x.isIn("metadata", "component", "name"):
		x.reader.sbom.Name = text
	case x.isIn("metadata", "component", "version"):
		x.reader.sbom.Name += " " + text
	}
	x.path, x.text = x.path[:len(x.path)-1], x.text[:0]
}
