package look

import (
	"fmt"
	"io"

	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull/read"
)

// maxOutlined limits the rows of a summary.
const maxOutlined = 50

// writeOutline prints the summary of a document.
func writeOutline(w io.Writer, doc *read.Document) error {
	var head, rows term.Table
	for _, f := range doc.Outline.Fields {
		head.Field(f.Name, f.Value)
	}
	head.Field("signature", doc.Signature)
	if err := head.WriteText(w); err != nil || len(doc.Outline.Rows) == 0 {
		return err
	}
	rows.Row(doc.Outline.Columns...)
	for i, row := range doc.Outline.Rows {
		if i == maxOutlined {
			rows.Row(fmt.Sprintf("and %d more", len(doc.Outline.Rows)-i))
			break
		}
		rows.Row(row...)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	return rows.WriteText(w)
}
