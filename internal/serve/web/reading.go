package web

import (
	"context"
	"errors"
	"strings"

	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
)

// readingOf selects a document.
type readingOf struct {
	target *once.Target
	info   *inspect.Info
	path   string // of the artifact by its digest
	opts   read.ReadableOptions
}

// readReading reads the text that explains an artifact, and the facts about it. It returns nil if no text does.
func (h *handler) readReading(ctx context.Context, c *call, of readingOf) (*view.Reading, []view.Field) {
	doc, err := read.Readable(ctx, of.target, of.info.Digest.String(), of.opts)
	facts := view.WeightFacts(of.info)
	if err != nil {
		r := &view.Reading{}
		switch {
		case errors.Is(err, read.ErrNotSearched) && of.opts.Quick:
			r.Search = "?search=all"
		case !errors.Is(err, read.ErrNothingReadable):
			r.Problem = h.explain(err)
		default:
			return nil, facts
		}
		return r, facts
	}
	for _, f := range doc.Facts {
		facts = append(facts, view.Field{Name: f.Name, Value: f.Value})
	}
	if doc.Text == "" && doc.SBOM == nil && doc.Outline == nil {
		return nil, facts
	}
	return view.NewReading(doc, of.path, view.LinksFrom(c.base+of.path, doc.Path)), facts
}

// rowsPerPage limits the rows of a document on one page.
const rowsPerPage = 500

// showRows shows everything that the document of an artifact lists, such as the components of a software bill of materials.
func (h *handler) showRows(c *call, p place, target *once.Target) (*page, error) {
	doc, err := read.Readable(c.Context(), target, p.reference, read.ReadableOptions{Rows: true})
	if err != nil {
		return nil, err
	}
	path := view.PathTo(p.repository, p.sign, p.reference) + view.RowsPath
	table := view.NewTable(doc, path, c.URL.Query(), rowsPerPage)
	if table == nil {
		return nil, errNoPage
	}
	noun := term.Plural(2, table.Noun)[len("2 "):]
	title := strings.ToUpper(noun[:1]) + noun[1:]
	return &page{template: "rows.html", Title: title + " of " + p.title(), Crumbs: append(p.crumbs(), view.NewLink(noun, path)), Data: table}, nil
}
