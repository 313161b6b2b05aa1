package web

import (
	"errors"
	"slices"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/prose"
	"github.com/davit-oci/davit/internal/serve/web/runbooks"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/pull/read"
)

// maxAnswers limits the documents on the page about an alert.
const maxAnswers = 20

// alertList is the content of the page that lists alerts.
type alertList struct {
	Rows     []alertRow
	Complete bool
}

// alertRow is an alert, with one of the artifacts that answer it.
type alertRow struct {
	Path string
	runbooks.Runbook
}

// showAlerts makes the page that lists all alerts with a runbook.
func (h *handler) showAlerts(c *call) (*page, error) {
	found, complete, err := runbooks.Find(c.Context(), h.source)
	if err != nil {
		return nil, err
	}
	list := &alertList{Complete: complete}
	for _, r := range found {
		list.Rows = append(list.Rows, alertRow{view.EscapePath(alertPath + r.Alert), r})
	}
	return &page{template: "alerts.html", Title: "Alerts", Data: list}, nil
}

// alertView is the content of the page about an alert.
type alertView struct {
	Name     string
	Answers  []alertAnswer
	Complete bool
	Near     []view.Link // alerts with similar names, if no document answers this one
}

// alertAnswer is a document that answers an alert.
type alertAnswer struct {
	runbooks.Runbook
	HTML    template.HTML
	Problem string
}

// showAlert makes the page with the documents that answer an alert.
func (h *handler) showAlert(c *call, name string) (*page, error) {
	found, complete, err := runbooks.Find(c.Context(), h.source)
	if err != nil {
		return nil, err
	}
	v := &alertView{Name: name, Complete: complete}
	p := &page{template: "alert.html", Title: name, Crumbs: []view.Link{view.NewLink("Alerts", alertsPath)}, Data: v}
	var names []string
	for _, r := range found {
		names = append(names, r.Alert)
		isSame := func(a alertAnswer) bool { return a.Digest == r.Digest } // its document has all answers
		if strings.EqualFold(r.Alert, name) && len(v.Answers) < maxAnswers && !slices.ContainsFunc(v.Answers, isSame) {
			v.Answers = append(v.Answers, h.readAnswer(c, r))
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

// readAnswer reads the part of an artifact that answers an alert.
func (h *handler) readAnswer(c *call, r runbooks.Runbook) alertAnswer {
	a := alertAnswer{Runbook: r}
	target, err := h.source.Open(c.Context(), r.Repository)
	var doc *read.Document
	if err == nil {
		doc, err = read.Readable(c.Context(), once.New(target), r.Digest.String(), read.ReadableOptions{Alert: r.Alert})
	}
	switch {
	case errors.Is(err, read.ErrNothingReadable):
		a.Problem = "It has no text."
	case err != nil:
		a.Problem = h.explain(err)
	case doc.IsMarkdown():
		a.HTML = prose.Render(doc.Text, view.LinksFrom(c.base+r.Path, doc.Path))
	default:
		a.HTML = template.HTML("<pre>" + template.HTMLEscapeString(view.Clip(doc.Text)) + "</pre>")
	}
	return a
}
