package runbook

import (
	"bytes"
	"cmp"
	"encoding/json"

	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// readIndex returns the index page in a config, or "" if the config names none.
func readIndex(config []byte) string {
	var c struct {
		Index string `json:"index"`
	}
	if json.Unmarshal(config, &c) != nil {
		return ""
	}
	return c.Index
}

// listAlerts lists the alerts that an artifact answers, with the page and section of each answer. An alert that no page lists is
// answered by the whole artifact.
func listAlerts(config []byte) []kind.Alert {
	var c struct {
		Title, Severity, Owner, Service string
		Alerts                          []string
		Pages                           []page
	}
	if json.Unmarshal(config, &c) != nil {
		return nil
	}
	var all []kind.Alert
	onPages := map[string]bool{}
	for _, p := range c.Pages {
		for _, a := range p.Alerts {
			onPages[a.Name] = true
			all = append(all, kind.Alert{
				Name: a.Name, Page: p.Path, Section: a.Section, Title: cmp.Or(p.Title, c.Title),
				Severity: cmp.Or(a.Severity, p.Severity, c.Severity), Owner: cmp.Or(p.Owner, c.Owner), Service: cmp.Or(p.Service, c.Service),
			})
		}
	}
	for _, name := range c.Alerts {
		if !onPages[name] {
			all = append(all, kind.Alert{Name: name, Title: c.Title, Severity: c.Severity, Owner: c.Owner, Service: c.Service})
		}
	}
	return all
}

// findAnswer returns the sections whose headings name an alert, or the whole text if none does.
func findAnswer(text []byte, alert string) []byte {
	_, body, _ := frontmatter.Split(text)
	var part []byte
	for _, s := range sectionsOf(alert, markdown.Sections(body)) {
		if len(part) > 0 {
			part = append(bytes.TrimRight(part, "\n"), "\n\n"...)
		}
		part = append(part, s.Body...)
	}
	if len(part) == 0 {
		return text
	}
	return part
}
