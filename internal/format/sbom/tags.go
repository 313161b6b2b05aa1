package sbom

import (
	"bufio"
	"io"
	"strings"

	"github.com/davit-oci/davit/internal/format/outline"
)

// readTags reads SPDX 2 in tag-value form. It fails with errNoSBOM if the document has no SPDXVersion.
func (s *reader) readTags(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxPart)
	var c Component
	var concluded, declared string
	open := false
	flush := func() {
		if open {
			s.addComponent(c, concluded, declared)
		}
		c, concluded, declared = Component{}, "", ""
	}
	for lines.Scan() {
		tag, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimSpace(value)
		switch tag {
		case "SPDXVersion":
			s.sbom.Format = value
		case "Created":
			s.sbom.Created = outline.Time(value)
		case "DocumentName":
			s.sbom.Name = value
		case "PackageName":
			flush()
			open, c.Name = true, value
		case "PackageVersion":
			c.Version = value
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
