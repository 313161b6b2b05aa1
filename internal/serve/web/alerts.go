package web

import (
	"errors"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
	"github.com/davit-oci/davit/internal/serve/web/prose"
	"github.com/davit-oci/davit/internal/serve/web/runbooks"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/pull/read"
)

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
	runbooks.Answer
	HTML    template.HTML
	Problem string
}

// showAlert makes the page with the documents that answer an alert.
func (h *handler) showAlert(c *call, name string) (*page, error) {
	found, complete, err := runbooks.Find(c.Context(), h.source)
	if err != nil {
		return nil, err
	}
	v := &alertView{Name: name}
	p := &page{template: "alert.html", Title: name, Crumbs: []view.Link{view.NewLink("Alerts", alertsPath)}, Data: v}
	answers, all := runbooks.Answers(c.Context(), h.source, found, name)
	for _, a := range answers {
		v.Answers = append(v.Answers, h.renderAnswer(c, a))
	}
	v.Complete = complete && all
	if len(v.Answers) == 0 {
		p.status = 404
		var names []string
		for _, r := range found {
			names = append(names, r.Alert)
		}
		if near := textdist.Closest(name, names); near != "" {
			v.Near = []view.Link{view.NewLink(near, view.EscapePath(alertPath+near))}
		}
	}
	return p, nil
}

// renderAnswer renders the document of an answer.
func (h *handler) renderAnswer(c *call, answer runbooks.Answer) alertAnswer {
	a := alertAnswer{Answer: answer}
	switch doc, err := answer.Document, answer.Err; {
	case errors.Is(err, read.ErrNothingReadable):
		a.Problem = "It has no text."
	case err != nil:
		a.Problem = h.explain(err)
	case doc.IsMarkdown():
		a.HTML = prose.Render(doc.Text, view.LinksFrom(c.base+a.Path, doc.Path))
	default:
		a.HTML = template.HTML("<pre>" + template.HTMLEscapeString(view.Clip(doc.Text)) + "</pre>")
	}
	return a
}
