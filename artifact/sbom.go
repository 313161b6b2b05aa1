package artifact

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
)

// tellingKeys are the keys by which JSON documents are told apart; all are looked for in one pass.
var tellingKeys = []string{"$schema", "@context", "@graph", "_type", "bomFormat", "components", "document/category", "document/csaf_version",
	"mediaType", "payload", "payloadType", "predicateType", "runs", "signatures", "specVersion", "spdxVersion", "version", "vulnerabilities"}

// keys returns the strings behind the telling keys of a JSON object: nil where the file is not one, an empty string
// for a key with another value.
func (s *sample) keys() map[string][]string {
	if s.scanned || s.isDir() {
		return s.found
	}
	s.scanned = true
	f, err := s.open()
	if err != nil {
		return nil
	}
	defer f.Close()
	found := map[string][]string{}
	err = scanJSON(withoutBOM(f), func(key, value string) bool {
		if slices.Contains(tellingKeys, key) && len(found[key]) < 16 {
			found[key] = append(found[key], value)
		}
		return true
	})
	if err == nil {
		s.found = found
	}
	return s.found
}

// utf8BOM is the mark that some editors put before UTF-8.
var utf8BOM = []byte("\xef\xbb\xbf")

// withoutBOM skips the mark.
func withoutBOM(r io.Reader) io.Reader {
	mark := make([]byte, len(utf8BOM))
	n, _ := io.ReadFull(r, mark)
	if bytes.Equal(mark[:n], utf8BOM) {
		return r
	}
	return io.MultiReader(bytes.NewReader(mark[:n]), r)
}

// spdxJSON finds SPDX 2 in JSON by its version, and SPDX 3 in JSON-LD by its context.
func spdxJSON(s *sample) (string, bool) {
	keys := s.keys()
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

// cycloneDXJSON finds CycloneDX in JSON by its format, which the specification demands. What lists vulnerabilities and
// no components is VEX.
func cycloneDXJSON(s *sample) (string, bool) {
	keys := s.keys()
	if _, isVEX := isCycloneDXVEX(s); isVEX || !slices.Contains(keys["bomFormat"], "CycloneDX") {
		return "", false
	}
	return "has bomFormat CycloneDX" + strings.TrimRight(" "+strings.Join(keys["specVersion"], ""), " "), true
}

const cycloneDXNamespace = "http://cyclonedx.org/schema/bom/"

// cycloneDXXML finds CycloneDX in XML by its root element.
func cycloneDXXML(s *sample) (string, bool) {
	root, err := rootElement(toUTF8(s.begin()))
	return "has the root element of CycloneDX " + strings.TrimPrefix(root.Space, cycloneDXNamespace), err == nil && cycloneDXFault(s) == nil
}

// cycloneDXFault says why an XML document is not CycloneDX.
func cycloneDXFault(s *sample) error {
	root, err := rootElement(toUTF8(s.begin()))
	if err != nil {
		return err
	}
	if root.Local != "bom" || !strings.HasPrefix(root.Space, cycloneDXNamespace) {
		return errors.New("its root element is not that of CycloneDX")
	}
	if bytes.HasPrefix(s.begin(), []byte("\xfe\xff")) || bytes.HasPrefix(s.begin(), []byte("\xff\xfe")) {
		return nil // UTF-16, which is read no further
	}
	f, err := s.open()
	if err != nil {
		return nil // told when it is packed
	}
	defer f.Close()
	return checkXML(f)
}

// spdxTagValue finds SPDX 2 in tag:value form by its first tag.
func spdxTagValue(s *sample) (string, bool) {
	for line := range strings.Lines(string(toUTF8(s.begin()))) {
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

// toUTF8 takes a byte order mark off, and turns the UTF-16 that Windows tools write into UTF-8.
func toUTF8(text []byte) []byte {
	order := binary.ByteOrder(binary.LittleEndian)
	switch {
	case bytes.HasPrefix(text, utf8BOM):
		return text[len(utf8BOM):]
	case bytes.HasPrefix(text, []byte("\xfe\xff")):
		order = binary.BigEndian
	case !bytes.HasPrefix(text, []byte("\xff\xfe")):
		return text
	}
	units := make([]uint16, 0, len(text)/2)
	for text = text[2:]; len(text) > 1; text = text[2:] {
		units = append(units, order.Uint16(text))
	}
	return []byte(string(utf16.Decode(units)))
}
