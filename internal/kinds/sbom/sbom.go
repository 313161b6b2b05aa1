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

// isSPDXJSON recognizes SPDX 2 in JSON by its version, and SPDX 3 in JSON-LD by its context.
func isSPDXJSON(s *tree.Sample) (string, bool) {
	keys := s.Keys()
	for _, version := range keys["spdxVersion"] {
		if strings.HasPrefix(version, "SPDX-") {
			return "has spdxVersion " + version, true
		}
	}
	for _, context := range keys["@context"] {
		if version, ok := strings.CutPrefix(context, "https://spdx.org/rdf/3."); ok {
			version, _, _ = strings.Cut(version, "/")
			return "has the SPDX 3." + version + " context", true
		}
	}
	return "", false
}

// isCycloneDXJSON recognizes CycloneDX in JSON by bomFormat, which the specification requires. It rejects a document with
// vulnerabilities and no components, which is VEX.
func isCycloneDXJSON(s *tree.Sample) (string, bool) {
	keys := s.Keys()
	if _, isVEX := vex.IsCycloneDXVEX(s); isVEX || !slices.Contains(keys["bomFormat"], "CycloneDX") {
		return "", false
	}
	return "has bomFormat CycloneDX" + strings.TrimRight(" "+strings.Join(keys["specVersion"], ""), " "), true
}

// isCycloneDXXML recognizes CycloneDX in XML by its root element.
func isCycloneDXXML(s *tree.Sample) (string, bool) {
	root, err := xmldoc.Root(bom.ToUTF8(s.Head()))
	return "has the CycloneDX root element " + strings.TrimPrefix(root.Space, sbom.CycloneDXNamespace), err == nil && cycloneDXFault(s) == nil
}

// cycloneDXFault returns why a file is not CycloneDX in XML, or nil if it is.
func cycloneDXFault(s *tree.Sample) error {
	root, err := xmldoc.Root(bom.ToUTF8(s.Head()))
	if err != nil {
		return err
	}
	if root.Local != "bom" || !strings.HasPrefix(root.Space, sbom.CycloneDXNamespace) {
		return errors.New("its root element is not CycloneDX's")
	}
	if bytes.HasPrefix(s.Head(), []byte("\xfe\xff")) || bytes.HasPrefix(s.Head(), []byte("\xff\xfe")) {
		return nil // UTF-16 is not checked further
	}
	f, err := s.Open()
	if err != nil {
		return nil // reported when it is packed
	}
	defer f.Close()
	return xmldoc.Check(f)
}

// isSyftJSON recognizes Syft's own JSON format by its schema.
func isSyftJSON(s *tree.Sample) (string, bool) {
	for _, url := range s.Keys()["schema/url"] {
		if strings.Contains(url, "/anchore/syft/") {
			return "has the schema of Syft", true
		}
	}
	return "", false
}

// outlineOf summarizes a software bill of materials.
func outlineOf(document io.Reader, _ string) (*outline.Outline, error) {
	s, err := sbom.Read(document)
	if err != nil {
		return nil, err
	}
	return s.Outline(), nil
}

// isSPDXTagValue recognizes SPDX 2 in tag:value format by its first tag.
func isSPDXTagValue(s *tree.Sample) (string, bool) {
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
