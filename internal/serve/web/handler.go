package web

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/serve/accesslog"
	"github.com/davit-oci/davit/internal/serve/web/guard"
	"github.com/davit-oci/davit/internal/serve/web/runbooks"
	"github.com/davit-oci/davit/internal/serve/web/stream"
	"github.com/davit-oci/davit/internal/serve/web/view"
)

// Source opens the repositories that pages show.
type Source interface {
	runbooks.Source
	// Address returns the address of a repository for use in commands. The request is for a page.
	Address(repository string, r *http.Request) view.Address
}

// Options configure the pages.
type Options struct {
	guard.Options
	// Explain returns the text that pages show for an error. If it is nil, they show the message of the error.
	Explain func(error) string
	// HeadTimeout is the time after which a page that is not ready is sent in pieces. Zero means half a second.
	HeadTimeout time.Duration
}

const (
	// maxPages limits the pages that are made at once: each holds manifests, configs, and a text.
	maxPages = 4
	// maxDownloads limits the files that are sent at once: each may hold a layer of up to 32 MiB in memory.
	maxDownloads       = 8
	defaultHeadTimeout = time.Second / 2  // until the head of a page is sent without the rest
	pageTime           = 30 * time.Second // limit for a page
	partTime           = 5 * time.Second  // limit for a part that the page can do without
)

// handler makes the pages.
type handler struct {
	source Source
	opts   Options
	busy   chan struct{} // has an element for each page that is being made
	sends  chan struct{} // has an element for each file that is being sent
}

// New returns a handler that serves pages about a source.
func New(source Source, opts Options) http.Handler {
	h := &handler{source: source, opts: opts, busy: make(chan struct{}, maxPages), sends: make(chan struct{}, maxDownloads)}
	return guard.Wrap(h, opts.Options)
}

// IsPage reports whether a request is for a page, on a server that has both pages and an API. The path / is one unless JSON is requested.
func IsPage(r *http.Request) bool {
	switch path := r.URL.Path; {
	case path == "/":
		accept := r.Header.Get("Accept")
		return strings.Contains(accept, "text/html") || !strings.Contains(accept, "json")
	case path == alertsPath, strings.HasPrefix(path, alertPath), path == stylePath, path == scriptPath, path == iconPath, strings.HasPrefix(path, view.RepositoryPath):
		return true
	}
	return false
}

// call is a request for a page.
type call struct {
	*http.Request
	w    http.ResponseWriter
	base string // the prefix of links

	unlimited context.Context // of the request, for work that may take longer than pageTime
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if sendStatic(w, r) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), pageTime)
	defer cancel()
	c := &call{Request: r.WithContext(ctx), w: w, base: h.opts.Prefix, unlimited: r.Context()}
	isFile := isFilePath(r.URL.Path)
	slots := h.busy
	if isFile {
		slots = h.sends
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-r.Context().Done():
		return
	}
	newPage := func() *stream.Page { return h.newPage(c) }
	if isFile {
		p := h.newPage(c)
		if p == nil {
			return
		}
		newPage = func() *stream.Page { return p }
	}
	sender := stream.Sender{
		HeadTimeout: h.headTimeout(), SectionTime: partTime, Style: c.base + stylePath,
		Early: func() (head, meanwhile []byte) { return h.makeHead(c) },
	}
	if err := sender.Send(w, r, newPage); err != nil {
		accesslog.Fail(w, err)
	}
}

func (h *handler) headTimeout() time.Duration { return cmp.Or(h.opts.HeadTimeout, defaultHeadTimeout) }

// isFilePath reports whether a path is for the bytes of a file.
func isFilePath(path string) bool {
	rest, ok := strings.CutPrefix(path, view.RepositoryPath)
	view := parsePlace(rest).view
	return ok && (strings.HasPrefix(view, "raw/") || strings.HasPrefix(view, "sandbox/"))
}

// newPage makes the page of a path, or a page about the error. It returns nil if the response was already sent.
func (h *handler) newPage(c *call) *stream.Page {
	p, err := h.makePage(c)
	if err != nil {
		p = h.makeProblemPage(err)
	}
	if p == nil {
		return nil
	}
	p.Base = c.base
	return p.stream(err)
}

// makeHead returns the head of a page that takes long, and text to show until the page is ready.
func (h *handler) makeHead(c *call) (head, meanwhile []byte) {
	p := &page{Base: c.base, Title: strings.TrimPrefix(c.URL.Path, alertPath)}
	switch rest, inRepository := strings.CutPrefix(c.URL.Path, view.RepositoryPath); {
	case inRepository:
		place := parsePlace(rest)
		p.Title, p.Crumbs = place.title(), place.crumbs()
	case c.URL.Path == "/":
		p.Title = "Repositories"
	case c.URL.Path == alertsPath:
		p.Title = "Alerts"
	}
	return p.render("head"), p.part(waiting{Text: "The registry has not answered yet."}).render("waiting")
}

// makePage makes the page of a path. It returns nil if the response was already sent.
func (h *handler) makePage(c *call) (*page, error) {
	switch c.URL.Path {
	case "/":
		return h.showRepositories(c)
	case alertsPath:
		return h.showAlerts(c)
	}
	if name, ok := strings.CutPrefix(c.URL.Path, alertPath); ok && name != "" {
		return h.showAlert(c, name)
	}
	if rest, ok := strings.CutPrefix(c.URL.Path, view.RepositoryPath); ok {
		return h.showInRepository(c, parsePlace(rest))
	}
	return nil, errNoPage
}

// place is the subject of a page: a repository, or an artifact in it and a view of the artifact.
type place struct {
	repository string
	reference  string // tag or digest; empty for the repository
	sign       string // ":" before a tag, "@" before a digest
	view       string // empty for the first page
}

// parsePlace parses REPOSITORY[:TAG|@DIGEST[/VIEW]]. The names of repositories contain neither ":" nor "@"; tags and digests contain
// no slash.
func parsePlace(path string) place {
	at := strings.IndexAny(path, ":@")
	if at < 0 {
		return place{repository: strings.TrimSuffix(path, "/")}
	}
	p := place{repository: path[:at], sign: path[at : at+1]}
	p.reference, p.view, _ = strings.Cut(path[at+1:], "/")
	return p
}

// showInRepository makes the page of a repository, or of an artifact in it.
func (h *handler) showInRepository(c *call, p place) (*page, error) {
	target, err := h.source.Open(c.Context(), p.repository)
	if err != nil {
		return nil, err
	}
	switch {
	case p.sign == "":
		return h.showRepository(c, p, target)
	case p.reference == "":
		return nil, errNoPage
	}
	return h.showArtifact(c, p, target)
}
