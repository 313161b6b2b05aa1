package look

import (
	"fmt"
	"io"

	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull"
)

// mostLicences is how many licences of an SBOM are listed.
const mostLicences = 25

// writeSBOM prints what an SBOM says at a glance.
func writeSBOM(w io.Writer, doc *pull.Document) error {
	var head, licences term.Table
	s := doc.SBOM
	head.Field("about", s.Name)
	head.Field("signature", doc.Signature)
	head.Row("format", s.Format)
	head.Row("components", fmt.Sprint(s.Components))
	licences.Row("COMPONENTS", "LICENCE")
	for i, l := range s.Licenses {
		if i == mostLicences {
			licences.Row("", fmt.Sprintf("and %d more licences", len(s.Licenses)-i))
			break
		}
		name := l.License
		if name == "" {
			name = "(none results.Stated)"
		}
		licences.Row(fmt.Sprintf("%*d", len("COMPONENTS"), l.Components), name)
	}
	if err := head.WriteText(w); err != nil || len(s.Licenses) == 0 {
		return err
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	return licences.WriteText(w)
}
