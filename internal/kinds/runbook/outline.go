package runbook

import (
	"io"

	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/mediatypes"
)

// outlineOf returns an outline with the owner of a runbook, which a list of alerts shows.
func outlineOf(document io.Reader, _ string) (*outline.Outline, error) {
	data, err := io.ReadAll(io.LimitReader(document, maxRunbook))
	if err != nil {
		return nil, err
	}
	o := &outline.Outline{}
	fields, _ := frontmatter.Read(data)
	for _, f := range fields {
		if f.Name == "owner" && f.Value != "" {
			o.Annotations = map[string]string{mediatypes.RunbookOwner: outline.Clip(f.Value)}
		}
	}
	return o, nil
}
