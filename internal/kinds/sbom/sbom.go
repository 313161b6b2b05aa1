package sbom

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/internal/format/sbom"
	"github.com/davit-oci/davit/internal/format/xmldoc"
	"github.com/davit-oci/davit/internal/kinds/vex"
	"github.com/davit-oci/davit/internal/tree"
)

// spdxJSON finds SPDX 2 in JSON by its version, and SPDX 3 in JSON-LD by its context.
func spdxJSON(s *tree.Sample) (string, bool) {
	keys := s.Keys()
	for _, version := range keys["spdxVersion"] {
		if strings.HasPrefix(version, "SPDX-") {
			return "has spdxVersion " + version, true
		}
	}
	for _, context := range keys["@context"] {
		if version, ok := strings.CutPrefix(context, "https://spdx.org/rdf/3."); ok {
			version, _, _ = strings.Cut(version, "/")
			return "has the context of SPDX 3." + version, true
		}
	}
	return "", false
}

// cycloneDXJSON finds CycloneDX in JSON by its format, which the specification requires. A document with
// vulnerabilities but no components is VEX.
func cycloneDXJSON(s *tree.Sample) (string, bool) {
	keys := s.Keys()
	if _, isVEX := vex.IsCycloneDXVEX(s); isVEX || !slices.Contains(keys["bomFormat"], "CycloneDX") {
		return "", false
	}
	return "has bomFormat CycloneDX" + strings.TrimRight(" "+strings.Join(keys["specVersion"], ""), " "), true
}

// cycloneDXXML finds CycloneDX in XML by its root element.
func cycloneDXXML(s *tree.Sample) (string, bool) {
	root, err := xmldoc.Root(bom.ToUTF8(s.Head()))
	return "has the root element of CycloneDX " + strings.TrimPrefix(root.Space, sbom.CycloneDXNamespace), err == nil && cycloneDXFault(s) == nil
}

// cycloneDXFault returns why an XML document is not CycloneDX.
func cycloneDXFault(s *tree.Sample) error {
	root, err := xmldoc.Root(bom.ToUTF8(s.Head()))
	if err != nil {
		return err
	}
	if root.Local != "bom" || !strings.HasPrefix(root.Space, sbom.CycloneDXNamespace) {
		return errors.New("its root element is not that of CycloneDX")
	}
	if bytes.HasPrefix(s.Head(), []byte("\xfe\xff")) || bytes.HasPrefix(s.Head(), []byte("\xff\xfe")) {
		return nil // UTF-16 is not examined further
	}
	f, err := s.Open()
	if err != nil {
		return nil // reported when it is packed
	}
	defer f.Close()
	return xmldoc.Check(f)
}

// syftJSON finds a document of Syft in its own JSON by its schema.
func syftJSON(s *tree.Sample) (string, bool) {
	for _, url := range s.Keys()["schema/url"] {
		if strings.Contains(url, "/anchore/syft/") {
			return "has the schema of Syft", true
		}
	}
	return "", false
}

// outlineOf summarizes a document.
func outlineOf(document io.Reader, _ string) (*outline.Outline, error) {
	s, err := sbom.Read(document)
	if err != nil {
		return nil, err
	}
	return s.Outline(), nil
}

// spdxTagValue finds SPDX 2 in tag:value form by its first tag.
func spdxTagValue(s *tree.Sample) (string, bool) {
	for line := range strings.Lines(string(bom.ToUTF8(s.Head()))) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		tag, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		return fmt.Sprintf("begins with SPDXVersion: %.16s", value), tag == "SPDXVersion" && strings.HasPrefix(value, "SPDX-")
	}
	return "", false
}
