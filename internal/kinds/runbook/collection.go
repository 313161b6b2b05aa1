package runbook

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/textdist"
)

// maxPages bounds how many pages without alerts a config lists. Each takes about 100 bytes.
const maxPages = 2000

// page is an entry in the config's list of pages: a file and the alerts that it answers. Its other fields come from the front
// matter.
type page struct {
	Path     string     `json:"path"` // the path of the file after a pull
	Title    string     `json:"title,omitempty"`
	Summary  string     `json:"summary,omitempty"`
	Service  string     `json:"service,omitempty"`
	Owner    string     `json:"owner,omitempty"`
	Severity string     `json:"severity,omitempty"`
	Alerts   []answered `json:"alerts,omitempty"`
}

// configOfSeveral makes the config of several runbooks.
func configOfSeveral(d *compose.Draft, files []file) map[string]any {
	var texts []*text
	var pages []page
	for _, f := range files {
		t, ok := readPage(d, f)
		if !ok {
			continue
		}
		texts = append(texts, t)
		p := page{Path: f.Title, Title: t.title()}
		for key, field := range map[string]*string{"summary": &p.Summary, "service": &p.Service, "owner": &p.Owner, "severity": &p.Severity} {
			*field, _ = t.front[key].(string)
		}
		p.Alerts, _ = t.answers()
		pages = append(pages, p)
	}
	preferOwn(pages)
	noteCollection(d, pages)
	config := map[string]any{"title": titleOf(d, texts), "pages": limitPages(pages)}
	if i := indexOf(texts); i >= 0 {
		config["index"] = texts[i].Title
	}
	var all []answered
	for _, p := range pages {
		all = append(all, p.Alerts...)
	}
	if names := namesOf(all); len(names) > 0 {
		lists.Sort(names, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		config["alerts"] = names
	}
	return config
}

// preferOwn removes an alert from pages that name it only in their title, if another page is named after the alert.
func preferOwn(pages []page) {
	own := map[string]bool{}
	for _, p := range pages {
		own[stem(p.Path)] = len(p.Alerts) > 0 && p.Alerts[0].Name == stem(p.Path) || own[stem(p.Path)]
	}
	for i, p := range pages {
		if len(p.Alerts) == 2 && p.Alerts[0].Name == stem(p.Path) && p.Alerts[1].Section == "" && own[p.Alerts[1].Name] {
			pages[i].Alerts = p.Alerts[:1]
		}
	}
}

// stem returns the name of a page without its directory and extension.
func stem(name string) string {
	base := path.Base(markdown.PageName(name))
	return strings.TrimSuffix(base, path.Ext(base))
}

// noteCollection adds notes about the alerts that were found and about pages without alerts.
func noteCollection(d *compose.Draft, pages []page) {
	var all []answered
	var without []string
	for _, p := range pages {
		all = append(all, p.Alerts...)
		if len(p.Alerts) == 0 {
			without = append(without, p.Path)
		}
	}
	if names := namesOf(all); len(names) > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%s: %d of %d pages answer %s", d.Kind.Name, len(pages)-len(without), len(pages), describeAlerts(names)))
	}
	if len(without) > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%s: no alert in %s; alerts: [NAME] in the front matter of a page names one", d.Kind.Name, textdist.FirstFew(without)))
	}
}

// limitPages returns the pages that the config lists: all with alerts, and at most maxPages others.
func limitPages(pages []page) []page {
	room := maxPages
	return lists.Delete(slices.Clone(pages), func(p page) bool {
		if len(p.Alerts) == 0 {
			room--
		}
		return room < 0 && len(p.Alerts) == 0
	})
}

// indexNames are the names of index pages, the most common first.
var indexNames = []string{"readme", "index", "_index", "summary"}

// indexOf returns the position of the index page, or -1 otherwise. The index page is the page nearest to the top that has a name in
// indexNames and is not empty.
func indexOf(texts []*text) int {
	best, bestRank := -1, 0
	for i, t := range texts {
		at := slices.Index(indexNames, strings.ToLower(stem(t.Title)))
		if at < 0 || t.isEmpty {
			continue
		}
		if rank := 10*strings.Count(t.Title, "/") + at; best < 0 || rank < bestRank {
			best, bestRank = i, rank
		}
	}
	return best
}

// titleOf returns the title of several runbooks: the declared name, else the title of the index page, else the name of the
// directory, else "runbooks".
func titleOf(d *compose.Draft, texts []*text) string {
	if d.Spec.Name != "" {
		return d.Spec.Name
	}
	if i := indexOf(texts); i >= 0 && strings.Count(texts[i].Title, "/") < 2 {
		return texts[i].title()
	}
	if len(texts) > 0 && texts[0].layer.Role == "runbooks" && texts[0].layer.Title != "" {
		return path.Base(texts[0].layer.Title)
	}
	return "runbooks"
}
