package docs

import (
	"fmt"
	"html"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/tree"
)

// maxNavigation limits the size of the configuration of a site, and of the file that lists its pages, in bytes.
const maxNavigation = 1 << 20

// generator describes the sites of a site generator.
type generator struct {
	markers []string                     // names of the configuration file
	title   func() *regexp.Regexp        // matches the title in the configuration: the first group
	nav     []string                     // files that list the pages, relative to the directory of the site
	roots   []string                     // directories to which paths in nav may be relative, besides the directory of nav
	home    func(config string) []string // returns the first page, or directories that have it
}

var (
	yamlTitle   = lazy.Regexp(`(?m)^(?:site_name|title):[ \t]*["']?([^"'\n#]+)`)
	tomlTitle   = lazy.Regexp(`(?m)^title[ \t]*=[ \t]*["']([^"'\n]+)["']`)
	scriptTitle = lazy.Regexp(`(?m)^[ \t]*title:[ \t]*["']([^"'\n]+)["']`)
	sphinxTitle = lazy.Regexp(`(?m)^project[ \t]*=[ \t]*u?["']([^"'\n]+)["']`)
	noTitle     = lazy.Regexp(`$^()`) // matches only the empty text

	// reference matches text that may name a page.
	reference = lazy.Regexp(`[\pL\pN_./+-]+`)
	// linked matches a link in a heading; the first group is its text.
	linked = lazy.Regexp(`\[([^\]]+)\]\([^)]*\)`)
	// htmlTitle matches the title of a page in HTML.
	htmlTitle = lazy.Regexp(`(?is)<(?:title|h1)[^>]*>([^<]+)</`)
)

// generators are the supported generators, in the order in which they are tried.
var generators = []generator{
	{[]string{"mkdocs.yml", "mkdocs.yaml"}, yamlTitle, []string{"mkdocs.yml", "mkdocs.yaml"}, []string{"docs"}, mkdocsHome},
	{[]string{"book.toml"}, tomlTitle, []string{"src/SUMMARY.md"}, nil, nil},
	{[]string{"docusaurus.config.js", "docusaurus.config.ts", "docusaurus.config.mjs"}, scriptTitle, []string{"sidebars.js", "sidebars.ts"}, []string{"docs", "../docs"}, docusaurusHome},
	{[]string{"antora.yml"}, yamlTitle, []string{"modules/ROOT/nav.adoc"}, []string{"modules/ROOT/pages"}, antoraHome},
	{[]string{"conf.py"}, sphinxTitle, []string{"index.rst", "contents.rst", "index.md"}, nil, sphinxHome},
	{[]string{"hugo.toml", "config.toml", "config/_default/hugo.toml", "config/_default/config.toml"}, tomlTitle, nil, nil, hugoHome},
	{[]string{"hugo.yaml", "hugo.yml", "config.yaml", "config/_default/hugo.yaml", "config/_default/config.yaml"}, yamlTitle, nil, nil, hugoHome},
	{[]string{"config.rb"}, noTitle, nil, nil, middlemanHome},
	{[]string{"SUMMARY.md"}, noTitle, []string{"SUMMARY.md"}, nil, nil},
	{[]string{"index.rst"}, noTitle, []string{"index.rst"}, nil, nil},
}

// site holds the title, the navigation, and the first page from the configuration of a site.
type site struct {
	title string
	nav   string   // the file that lists the pages
	text  string   // the content of nav
	roots []string // the directories to which paths in text are relative
	home  []string // the first page, or directories that have it
}

// siteDirs are the directories that may have the configuration of a project's site, in the order in which they are tried.
var siteDirs = []string{".", "website", "docs", "doc", "documentation", "site", "guide"}

// findSite reads the first configuration in the directory of a layer or in a subdirectory of siteDirs.
func findSite(d *compose.Draft, pages []docsPage) site {
	if len(pages) == 0 {
		return site{}
	}
	for _, l := range d.Layers {
		if !l.Dir {
			continue
		}
		for _, dir := range siteDirs {
			if dir = path.Join(l.Path, dir); !isDirectory(d.FS, dir) {
				continue
			}
			if s, ok := readSite(d, dir); ok {
				return s
			}
		}
	}
	return site{}
}

func isDirectory(fsys fs.FS, dir string) bool {
	info, err := fs.Stat(fsys, dir)
	return err == nil && info.IsDir()
}

// readSite reads the configuration in a directory.
func readSite(d *compose.Draft, dir string) (site, bool) {
	for _, g := range generators {
		for _, marker := range g.markers {
			data, err := tree.ReadFile(d.FS, path.Join(dir, marker), maxNavigation)
			if err != nil {
				continue
			}
			s := site{}
			if m := g.title().FindSubmatch(data); m != nil && len(m[1]) <= maxPageTitle {
				s.title = strings.TrimSpace(string(m[1]))
			}
			s.readNavigation(d, dir, g)
			if g.home != nil {
				for _, name := range g.home(string(data)) {
					s.home = append(s.home, path.Join(dir, name))
				}
			}
			return s, true
		}
	}
	return site{}, false
}

// readNavigation reads the first file that lists pages.
func (s *site) readNavigation(d *compose.Draft, dir string, g generator) {
	for _, name := range g.nav {
		data, err := tree.ReadFile(d.FS, path.Join(dir, name), maxNavigation)
		if err != nil {
			continue
		}
		s.nav, s.text = path.Join(dir, name), string(data)
		if _, list, ok := strings.Cut("\n"+s.text, "\nnav:"); ok {
			s.text = list
		} else if strings.HasPrefix(path.Base(name), "mkdocs.") {
			s.text = "" // without nav, MkDocs sorts the pages by name
		}
		s.roots = []string{path.Dir(s.nav)}
		for _, root := range g.roots {
			s.roots = append(s.roots, path.Join(dir, root))
		}
		if g.markers[0] == "conf.py" {
			s.text = readToctrees(s.text)
		}
		if path.Ext(name) == ".adoc" {
			s.text = resolveAntoraPages(s.text)
			s.roots = append(s.roots, dir)
		}
		return
	}
}

// order sorts pages as the navigation lists them, followed by those that it does not list. Without a navigation, it sorts by
// the weights in their front matter. It returns the first page of the navigation.
func (s site) order(pages []docsPage) (first docsPage) {
	bySource := map[string]int{}
	for i, p := range pages {
		bySource[p.source] = i
	}
	place := map[string]int{}
	for _, ref := range reference().FindAllString(s.text, -1) {
		for _, root := range s.roots {
			if i, ok := findPage(bySource, path.Join(root, ref), path.Ext(s.nav)); ok && pages[i].source != s.nav {
				if _, again := place[pages[i].source]; !again {
					place[pages[i].source] = len(place)
				}
				break
			}
		}
	}
	if len(place) == 0 {
		orderByWeight(pages)
		return docsPage{}
	}
	rank := func(p docsPage) int {
		if at, ok := place[p.source]; ok {
			return at
		}
		return len(place)
	}
	lists.Sort(pages, func(a, b docsPage) int { return rank(a) - rank(b) })
	if isPage(s.nav) && indexRank(s.nav) >= 0 {
		return docsPage{} // the list is on the first page
	}
	return pages[0]
}

// findPage returns the index of the page that a navigation names. Some navigations leave out the extension.
func findPage(pages map[string]int, name, language string) (int, bool) {
	if i, ok := pages[name]; ok {
		return i, true
	}
	var extensions []string
	switch language {
	case ".rst", ".md": // of Sphinx
		extensions = []string{".rst", ".md"}
	case ".js", ".ts":
		extensions = []string{".md", ".mdx"}
	}
	for _, ext := range extensions {
		if i, ok := pages[name+ext]; ok {
			return i, true
		}
	}
	return 0, false
}

// weightOf returns the weight of a page for Hugo or Docusaurus, or 0 if it has none.
func weightOf(fields map[string]any) int {
	for _, key := range []string{"weight", "sidebar_position"} {
		var n int
		if value, ok := fields[key]; ok {
			if _, err := fmt.Sscan(fmt.Sprint(value), &n); err == nil {
				return n
			}
		}
	}
	return 0
}

// orderByWeight sorts the pages of each directory by weight, and directories by the weight of their index page. Without any
// weights, the order stays.
func orderByWeight(pages []docsPage) {
	weights := map[string]int{}
	for _, p := range pages {
		if p.weight == 0 {
			continue
		}
		weights[p.Path] = p.weight
		if isIndex(p) {
			weights[path.Dir(p.Path)] = p.weight
		}
	}
	if len(weights) == 0 {
		return
	}
	lists.Sort(pages, func(a, b docsPage) int { return compareWeighted(weights, a.Path, b.Path) })
}

// compareWeighted compares two paths by the first elements that differ: index pages first, then by weight, then by name.
func compareWeighted(weights map[string]int, a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(as)-1 && n < len(bs)-1 && as[n] == bs[n] {
		n++
	}
	a, b = strings.Join(as[:n+1], "/"), strings.Join(bs[:n+1], "/")
	if isFirst := indexRank(a) >= 0; isFirst != (indexRank(b) >= 0) {
		if isFirst {
			return -1
		}
		return 1
	}
	wa, wb := weights[a], weights[b]
	switch {
	case wa == wb:
		return strings.Compare(a, b)
	case wa == 0:
		return 1
	case wb == 0:
		return -1
	}
	return wa - wb
}

// titleOf returns the title in the text of a page, or "".
func titleOf(name string, body []byte) string {
	switch strings.ToLower(path.Ext(markdown.PageName(name))) {
	case ".md", ".markdown", ".mdx":
		return linked().ReplaceAllString(markdown.Title(markdown.Headings(body)), "$1")
	case ".html", ".htm":
		if m := htmlTitle().FindSubmatch(body); m != nil {
			return strings.Join(strings.Fields(html.UnescapeString(string(m[1]))), " ")
		}
	case ".adoc", ".asciidoc":
		for line := range strings.Lines(string(body)) {
			if title, ok := strings.CutPrefix(line, "= "); ok {
				return strings.TrimSpace(title)
			}
		}
	case ".rst":
		return rstTitle(string(body))
	}
	return ""
}

// rstTitle returns the first underlined line, which is the title in reStructuredText, or "".
func rstTitle(body string) string {
	const marks = "=-`:.'\"~^_*+#"
	previous := ""
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, " \t\r\n")
		if len(line) > 2 && strings.ContainsRune(marks, rune(line[0])) && strings.Trim(line, line[:1]) == "" &&
			previous != "" && previous[0] != ' ' && len(line) >= len([]rune(previous)) && strings.Trim(previous, marks) != "" {
			return strings.TrimSpace(previous)
		}
		previous = line
	}
	return ""
}
