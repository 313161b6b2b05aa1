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

// documentQuery selects the document of an artifact.
type documentQuery struct {
	target *once.Target
	info   *inspect.Info
	path   string // of the page about the artifact, by its digest
	opts   read.ReadableOptions
}

// readDocument reads the document that explains an artifact, and facts about the artifact. The document is nil if no text explains it.
func (h *handler) readDocument(ctx context.Context, c *call, q documentQuery) (*view.Reading, []view.Field) {
	doc, err := read.Readable(ctx, q.target, q.info.Digest.String(), q.opts)
	facts := view.WeightFacts(q.info)
	if err != nil {
		r := &view.Reading{}
		switch {
		case errors.Is(err, read.ErrNotSearched) && q.opts.Quick:
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
	return view.NewReading(doc, q.path, view.LinksFrom(c.base+q.path, doc.Path)), facts
}

// rowsPerPage limits the rows of a document on one page.
const rowsPerPage = 500

// showRows shows all rows of the document of an artifact, such as the components in a software bill of materials.
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
