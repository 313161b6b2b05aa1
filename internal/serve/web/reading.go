package web

import (
	"context"
	"errors"
	"strings"

	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/serve/web/content"
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

// readDocument reads the document that explains an artifact, and facts about the artifact and its options. The document is nil if no text
// explains it.
func (h *handler) readDocument(ctx context.Context, c *call, q documentQuery) (*view.Reading, []view.Field, []kind.Option) {
	doc, err := read.Readable(ctx, q.target, q.info.Digest.String(), q.opts)
	if err != nil {
		facts, options := content.About(q.info)
		switch {
		case errors.Is(err, read.ErrNotSearched) && q.opts.Quick:
			return &view.Reading{Search: "?search=all"}, view.Facts(facts, q.info), options
		case !errors.Is(err, read.ErrNothingReadable):
			return &view.Reading{Problem: h.explain(err)}, view.Facts(facts, q.info), options
		}
		return nil, view.Facts(facts, q.info), options
	}
	facts := view.Facts(doc.Facts, q.info)
	if doc.Text == "" && doc.SBOM == nil && doc.Outline == nil {
		return nil, facts, doc.Options
	}
	return view.NewReading(doc, q.path, view.LinksFrom(c.base+q.path, doc.Path)), facts, doc.Options
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
