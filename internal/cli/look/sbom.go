package look

import (
	"fmt"
	"io"

	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull/read"
)

// maxLicenses limits the licenses of an SBOM that are listed.
const maxLicenses = 25

// writeSBOM prints a summary of an SBOM.
func writeSBOM(w io.Writer, doc *read.Document) error {
	var head, licenses term.Table
	s := doc.SBOM
	head.Field("about", s.Name)
	head.Field("signature", doc.Signature)
	head.Row("format", s.Format)
	head.Row("components", fmt.Sprint(s.Components))
	licenses.Row("COMPONENTS", "LICENSE")
	for i, l := range s.Licenses {
		if i == maxLicenses {
			licenses.Row("", fmt.Sprintf("and %d more licenses", len(s.Licenses)-i))
			break
		}
		name := l.License
		if name == "" {
			name = "(none stated)"
		}
		licenses.Row(fmt.Sprintf("%*d", len("COMPONENTS"), l.Components), name)
	}
	if err := head.WriteText(w); err != nil || len(s.Licenses) == 0 {
		return err
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	return licenses.WriteText(w)
}
