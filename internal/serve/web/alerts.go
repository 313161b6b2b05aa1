package web

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/prose"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// searchTime is how long artifacts are searched for those that answer alerts.
	searchTime = 20 * time.Second
	// maxSearched bounds the artifacts of a repository that are searched: each costs two requests.
	maxSearched = 200
	// maxAnswers bounds the documents on the page about an alert.
	maxAnswers = 20
)

// runbook is an artifact that answers alerts. Templates can read fields, and call no methods.
type runbook struct {
	*referrers.Referrer
	Repository  string
	About       view.Link // the artifact that it is attached to, or itself
	RunbookPath string    // of the page about the artifact

	Title, Severity, Service, Owner string // those in the annotations

	order int // of the artifact in its repository, where it was found
}

// of returns the runbook with the fields that a referrer determines.
func (r runbook) of(found *referrers.Referrer) runbook {
	r.Referrer = found
	r.RunbookPath = view.PathTo(r.Repository, "@", found.Digest.String())
	r.Title = cmp.Or(found.Annotations[ocispec.AnnotationTitle], view.ShortDigest(found.Digest))
	r.Severity = found.Annotations[mediatypes.RunbookSeverity]
	r.Service = found.Annotations[mediatypes.RunbookService]
	r.Owner = found.Annotations[mediatypes.RunbookOwner]
	return r
}

// runbookSearch searches all repositories.
type runbookSearch struct {
	handler *handler

	mu         sync.Mutex
	found      []runbook
	seen       map[digest.Digest]int // place in found
	incomplete bool                  // something could not be searched
}

// runbooks finds what answers alerts, the most severe first. It reports whether all of it was found.
func (h *handler) runbooks(ctx context.Context) (found []runbook, complete bool, err error) {
	names, err := h.source.Repositories(ctx)
	if err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	s := &runbookSearch{handler: h, seen: map[digest.Digest]int{}}
	err = referrers.AtOnce(ctx, len(names), func(ctx context.Context, i int) error {
		s.repository(ctx, names[i])
		return nil
	})
	slices.SortFunc(s.found, func(a, b runbook) int {
		return cmp.Or(cmp.Compare(a.SeverityRank(), b.SeverityRank()), cmp.Compare(a.Title, b.Title), cmp.Compare(a.Digest, b.Digest))
	})
	return s.found, !s.incomplete, err
}

// repository searches the artifacts of a repository, and their attachments.
func (s *runbookSearch) repository(ctx context.Context, name string) {
	target, err := s.handler.source.Open(ctx, name)
	if err != nil {
		s.miss()
		return
	}
	tags, err := registry.Tags(ctx, target, registry.TagOptions{ByVersion: true})
	if err != nil {
		s.miss()
		return
	}
	if len(tags) > maxSearched {
		tags = tags[:maxSearched]
		s.miss()
	}
	if layout, ok := target.(untaggedLister); ok {
		list, err := layout.Untagged(ctx)
		if err != nil {
			s.miss()
		}
		for _, desc := range list[:min(len(list), maxSearched)] {
			tags = append(tags, desc.Digest.String())
		}
	}
	err = referrers.AtOnce(ctx, len(tags), func(ctx context.Context, i int) error {
		s.artifact(ctx, target, runbook{Repository: name, order: i}, tags[i])
		return nil
	})
	if err != nil {
		s.miss()
	}
}

// artifact searches an artifact, by its tag or digest, and its referrers.
func (s *runbookSearch) artifact(ctx context.Context, target registry.Target, at runbook, tag string) {
	name := at.Repository
	info, err := inspect.Inspect(ctx, target, tag, inspect.Options{Shallow: true})
	if err != nil {
		s.miss()
		return
	}
	at.About = view.NewLink(name+":"+tag, view.PathTo(name, ":", tag))
	switch subject := info.Subject; {
	case subject != nil:
		at.About = view.NewLink(name+"@"+view.ShortDigest(subject.Digest), view.PathTo(name, "@", subject.Digest.String()))
	case tag == info.Digest.String():
		at.About = view.NewLink(name+"@"+view.ShortDigest(info.Digest), view.PathTo(name, "@", tag))
	}
	s.add(at.of(&referrers.Referrer{Digest: info.Digest, MediaType: info.MediaType, ArtifactType: info.ArtifactType, Kind: info.Kind, Annotations: info.Annotations}))
	list, err := referrers.List(ctx, target, info.Descriptor(), referrers.Options{})
	if err != nil {
		s.miss()
	}
	for _, r := range list {
		s.add(at.of(r))
	}
}

// add adds an artifact that answers alerts, once: where it is found first in the order of repositories and tags.
func (s *runbookSearch) add(r runbook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(r.Alerts()) == 0 {
		return
	}
	i, seen := s.seen[r.Digest]
	if !seen {
		s.seen[r.Digest] = len(s.found)
		s.found = append(s.found, r)
		return
	}
	if old := s.found[i]; cmp.Or(cmp.Compare(r.Repository, old.Repository), cmp.Compare(r.order, old.order)) < 0 {
		s.found[i] = r
	}
}

func (s *runbookSearch) miss() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.incomplete = true
}

// alertList is the content of the page that lists alerts.
type alertList struct {
	Rows     []alertRow
	Complete bool
}

// alertRow is an alert, with one of the artifacts that answer it.
type alertRow struct {
	Alert string
	Path  string
	runbook
}

// alerts lists all alerts that are answered.
func (h *handler) alerts(c *call) (*page, error) {
	found, complete, err := h.runbooks(c.Context())
	if err != nil {
		return nil, err
	}
	list := &alertList{Complete: complete}
	for _, r := range found {
		for _, name := range r.Alerts() {
			list.Rows = append(list.Rows, alertRow{name, view.EscapePath(alertPath + name), r})
		}
	}
	return &page{template: "alerts.html", Title: "Alerts", Data: list}, nil
}

// alertView is the content of the page about an alert.
type alertView struct {
	Name     string
	Answers  []answered
	Complete bool
	Near     []view.Link // alerts of similar names, if there is no answer
}

// answered is a document that answers an alert.
type answered struct {
	runbook
	HTML    template.HTML
	Problem string
}

// alert shows what answers an alert.
func (h *handler) alert(c *call, name string) (*page, error) {
	found, complete, err := h.runbooks(c.Context())
	if err != nil {
		return nil, err
	}
	v := &alertView{Name: name, Complete: complete}
	p := &page{template: "alert.html", Title: name, Crumbs: []view.Link{view.NewLink("Alerts", alertsPath)}, Data: v}
	var names []string
	for _, r := range found {
		names = append(names, r.Alerts()...)
		is := func(alert string) bool { return strings.EqualFold(alert, name) }
		if i := slices.IndexFunc(r.Alerts(), is); i >= 0 && len(v.Answers) < maxAnswers {
			v.Answers = append(v.Answers, h.answer(c, r, r.Alerts()[i]))
		}
	}
	if len(v.Answers) == 0 {
		p.status = 404
		if near := textdist.Closest(name, names); near != "" {
			v.Near = []view.Link{view.NewLink(near, view.EscapePath(alertPath+near))}
		}
	}
	return p, nil
}

// answer reads the part of an artifact that answers an alert.
func (h *handler) answer(c *call, r runbook, alert string) answered {
	a := answered{runbook: r}
	target, err := h.source.Open(c.Context(), r.Repository)
	var doc *read.Document
	if err == nil {
		doc, err = read.Readable(c.Context(), once.New(target), r.Digest.String(), read.ReadableOptions{Alert: alert})
	}
	switch {
	case errors.Is(err, read.ErrNothingReadable):
		a.Problem = "It has no text."
	case err != nil:
		a.Problem = h.explain(err)
	case doc.IsMarkdown():
		a.HTML = prose.Render(doc.Text, view.LinksFrom(c.base+r.RunbookPath, doc.Path))
	default:
		a.HTML = template.HTML("<pre>" + template.HTMLEscapeString(view.Clip(doc.Text)) + "</pre>")
	}
	return a
}
