package docs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/kinds/runbook"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// maxPages bounds the list of pages in the config, which clients read into memory: about 100 bytes each.
	maxPages     = 2000
	maxPageTitle = 200
	// maxDocs bounds the files that are examined to decide whether a directory is documentation.
	maxDocs = 10_000
)

// docsPage is an entry of the config's list of pages.
type docsPage struct {
	Path  string `json:"path"`            // its name after a pull
	Title string `json:"title,omitempty"` // from its front matter or its first heading

	alert  string // the alert that it is for, or ""
	source string // the file
	weight int    // the position in its front matter; 0 if not set, which follows all other weights
}

// derive makes the config: the list of pages, and the first page to read.
func derive(d *compose.Draft) (configblob.Finish, error) {
	var pages []docsPage
	for _, l := range d.Layers {
		found, err := listPages(d, l)
		if err != nil {
			return nil, err
		}
		pages = append(pages, found...)
	}
	noteAlerts(d, pages)
	site := findSite(d, pages)
	first := site.order(pages)
	if home, ok := site.homeOf(pages); ok {
		first = home
	}
	if len(pages) == 0 && len(d.Unfound) == 0 {
		d.Report(d.Spec.Problem("/layers", "no page among the files", "Markdown, HTML, reStructuredText, AsciiDoc or text"))
	}
	config := map[string]any{}
	if len(pages) > 0 {
		if first.Path == "" {
			first = indexOf(pages)
		}
		config["index"] = first.Path
		if title := cmp.Or(site.title, first.Title); title != "" {
			config["title"] = title
		}
	}
	if d.Spec.Name != "" {
		config["title"] = d.Spec.Name
	}
	config["pageCount"] = len(pages)
	config["pages"] = pages[:min(len(pages), maxPages)]
	config = d.Overlay(config)
	if title, ok := config["title"].(string); ok && d.Spec.Name == "" {
		d.Annotations[ocispec.AnnotationTitle] = title
	}
	if index, ok := config["index"].(string); ok && !slices.ContainsFunc(pages, func(p docsPage) bool { return p.Path == index }) {
		d.Report(declare.ConfigProblem(d.Spec, declare.Fault{Pointer: "/index", Message: fmt.Sprintf("the index page %q is not among the pages", index), Hint: nearestPage(index, pages)}))
	}
	return configblob.Constant(config)
}

// noteAlerts adds a note if at least half of the pages are for alerts, besides index pages, unless a davit.yaml declares the kind.
func noteAlerts(d *compose.Draft, pages []docsPage) {
	var alerts []string
	others := 0
	for _, p := range pages {
		if p.alert != "" {
			alerts = append(alerts, p.alert)
		} else if !isIndex(p) {
			others++
		}
	}
	if len(alerts) > 0 && len(alerts) >= others && d.Spec.Source() == nil {
		d.Notes = append(d.Notes, fmt.Sprintf("%s: pages for alerts: %s; --kind runbook lists them by alert, for show --alert", d.Kind.Name, textdist.FirstFew(alerts)))
	}
}

// nearestPage returns a hint with the page that index probably means.
func nearestPage(index string, pages []docsPage) string {
	var paths []string
	for _, p := range pages {
		if path.Base(p.Path) == path.Base(index) {
			return fmt.Sprintf("did you mean %q?", p.Path)
		}
		paths = append(paths, p.Path)
	}
	return textdist.Suggest(index, paths)
}

// indexOf returns the first page to read: the index page with the shortest path, or else the first page.
func indexOf(pages []docsPage) docsPage {
	best, bestRank := pages[0], 1<<30
	for _, p := range pages {
		nameRank := indexRank(p.Path)
		if nameRank < 0 {
			continue
		}
		if rank := strings.Count(p.Path, "/")*len(indexPages) + nameRank; rank < bestRank {
			best, bestRank = p, rank
		}
	}
	return best
}

func isIndex(p docsPage) bool { return indexRank(p.Path) >= 0 }

// listPages lists the pages in a layer, by their names after a pull.
func listPages(d *compose.Draft, l *compose.Layer) ([]docsPage, error) {
	if l.Packing == mediatypes.Raw && l.Role != "page" {
		return nil, nil
	}
	files, err := tree.PackedFiles(d.FS, &l.Layer)
	if err != nil {
		return nil, &spec.Error{Item: l.Path, Err: err}
	}
	var pages []docsPage
	for _, f := range files {
		if l.Packing == mediatypes.Raw || isPage(f.Path) {
			pages = append(pages, newPage(d, f))
		}
	}
	return pages, nil
}

// newPage returns the page in a file, with the title and the weight from the file.
func newPage(d *compose.Draft, f tree.PackedFile) docsPage {
	p := docsPage{Path: f.Title, source: f.Path}
	head, err := tree.ReadHead(d.FS, f.Path)
	if err != nil {
		return p
	}
	if markdown.IsName(f.Path) {
		p.alert = runbook.AlertOf(f.Path, head)
	}
	front, body, found := frontmatter.Split(head)
	if found {
		fields, _ := declare.ReadDocument(f.Path, front).Value.(map[string]any)
		p.Title, _ = fields["title"].(string)
		p.weight = weightOf(fields)
	}
	if p.Title == "" {
		p.Title = titleOf(f.Path, body)
	}
	if len(p.Title) > maxPageTitle {
		p.Title = ""
	}
	return p
}

// readIndex returns the first page to read that a config names, or "".
func readIndex(config []byte) string {
	var c struct {
		Index string `json:"index"`
	}
	if json.Unmarshal(config, &c) != nil {
		return ""
	}
	return c.Index
}
