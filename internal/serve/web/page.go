package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/serve/answer"
	"github.com/davit-oci/davit/internal/serve/web/stream"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/errdef"
)

//go:embed templates static
var files embed.FS

// The paths of pages and of the files that they load, below the prefix.
const (
	alertsPath = "/alerts"
	alertPath  = "/alert/"
	stylePath  = "/style.css"
	scriptPath = "/copy.js"
	iconPath   = "/icon.svg"
)

// page is a page: a template with its data, and the sections below it.
type page struct {
	Title  string
	Crumbs []view.Link // the pages above this one
	Base   string      // prefix of the path of every link
	Data   any

	template string
	sections []section // below the template
	status   int       // HTTP status; 0 means 200
}

// templates parses the templates when the first page is made, so that no other command waits for it.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"line":   func(s string) string { return untrusted.Line(s, view.MaxLine) },
		"size":   term.Size,
		"short":  view.ShortDigest,
		"plural": term.Plural,
		"part":   (*page).part,
	}).ParseFS(files, "templates/*.html"))
})

// section is a part of a page below its template. It has its own template.
type section struct {
	template string
	data     any
	make     func(context.Context) any // loads the data, which may take long; nil if data is set
	waiting  waiting                   // shown until the data is loaded
}

// waiting is shown in place of a section that is not ready: a text, and the links that are already known.
type waiting struct {
	Text  string
	Links []view.Link
}

// render executes a template.
func (p *page) render(name string) []byte {
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, p); err != nil {
		return []byte("<p>It can't be shown.</p>\n")
	}
	return b.Bytes()
}

// stream returns the page in pieces.
func (p *page) stream(err error) *stream.Page {
	out := &stream.Page{Status: p.status, Err: err, Head: p.render("head"), Foot: p.render("foot"), Sections: []stream.Section{{HTML: p.render(p.template)}}}
	for _, s := range p.sections {
		if s.make == nil {
			out.Sections = append(out.Sections, stream.Section{HTML: p.part(s.data).render(s.template)})
			continue
		}
		out.Sections = append(out.Sections, stream.Section{
			Make:    func(ctx context.Context) []byte { return p.part(s.make(ctx)).render(s.template) },
			Waiting: p.part(s.waiting).render("waiting"),
		})
	}
	return out
}

// static maps the path of each file that pages load to its media type.
var static = map[string]string{stylePath: "text/css; charset=utf-8", scriptPath: "text/javascript; charset=utf-8", iconPath: "image/svg+xml"}

// sendStatic answers a request for a file that pages load. It returns false for other requests.
func sendStatic(w http.ResponseWriter, r *http.Request) bool {
	mediaType, ok := static[r.URL.Path]
	if !ok {
		return false
	}
	content, err := files.ReadFile("static" + r.URL.Path)
	if err != nil {
		http.NotFound(w, r)
		return true
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "max-age=300")
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(content)
	}
	return true
}

var errNoPage = &answer.Error{Status: http.StatusNotFound, Message: "there is no such page"}

// makeProblemPage makes the page that shows an error.
func (h *handler) makeProblemPage(err error) *page {
	p := &page{template: "problem.html", Title: "Not shown", status: http.StatusBadGateway}
	var refused *answer.Error
	var denied *registry.Denied
	switch {
	case errors.As(err, &refused):
		p.status = refused.Status
	case errors.Is(err, errdef.ErrNotFound):
		p.status = http.StatusNotFound
	case errors.As(err, &denied):
		p.status = http.StatusForbidden
	case errors.Is(err, context.DeadlineExceeded):
		p.status = http.StatusGatewayTimeout
	}
	if p.status == http.StatusNotFound {
		p.Title = "Not found"
	}
	p.Data = h.explain(err)
	return p
}

// explain returns the message that a page shows for an error.
func (h *handler) explain(err error) string {
	var refused *answer.Error
	var platform *fetch.PlatformError
	switch {
	case errors.As(err, &refused):
		return refused.Message
	case errors.Is(err, context.DeadlineExceeded):
		return "the registry did not answer in time; reload the page to try again"
	case h.opts.Explain == nil || errors.As(err, &platform):
		return untrusted.Line(err.Error(), 2*view.MaxLine)
	case errors.Is(err, errdef.ErrNotFound):
		return "there is no such tag, digest, or file"
	}
	return h.opts.Explain(err)
}

// crumbs returns links to the repository and to the artifact in it.
func (p place) crumbs() []view.Link {
	list := []view.Link{view.NewLink(p.repository, view.PathTo(p.repository, "", ""))}
	if p.reference != "" {
		name := p.reference
		if p.sign == "@" {
			name = view.ShortDigest(digest.Digest(name))
		}
		list = append(list, view.NewLink(name, view.PathTo(p.repository, p.sign, p.reference)))
	}
	return list
}

// title returns the names of the repository and the artifact, for the title of a page.
func (p place) title() string {
	crumbs := p.crumbs()
	names := make([]string, len(crumbs))
	for i, l := range crumbs {
		names[i] = l.Name
	}
	return strings.Join(names, p.sign)
}

// part returns a copy of the page with other data, for the template of a section.
func (p *page) part(data any) *page {
	part := *p
	part.Data = data
	return &part
}
