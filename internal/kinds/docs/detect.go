package docs

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/tree"
)

// indexPages are the names of first pages, the most common first.
var indexPages = []string{"index.md", "README.md", "index.html", "readme.md", "index.htm", "_index.md", "index.mdx", "index.rst", "index.adoc",
	"README.rst", "README.adoc", "_index.html"}

// markers are files that mark the directory of a site. SUMMARY.md is the table of contents of a book.
var markers = []string{"mkdocs.yml", "mkdocs.yaml", "book.toml", "SUMMARY.md", "docusaurus.config.js", "docusaurus.config.ts", "hugo.toml",
	"hugo.yaml", "conf.py", "antora.yml", "contents.rst"}

// pageSuffixes and assetSuffixes are the extensions of files of documentation.
var (
	pageSuffixes  = []string{".md", ".markdown", ".mdx", ".html", ".htm", ".rst", ".adoc", ".asciidoc"}
	assetSuffixes = append([]string{".css", ".js", ".json", ".txt", ".xml", ".woff", ".woff2", ".ttf", ".map"}, pictures...)
)

func isPage(name string) bool {
	return slices.Contains(pageSuffixes, strings.ToLower(path.Ext(markdown.PageName(name))))
}

// neutralNames are the names, without .txt, of files that say nothing about the kind of a directory of pages.
var neutralNames = []string{"license", "licence", "copying", "notice", "cname", "thumbs.db", "desktop.ini"}

func isNeutral(name string) bool {
	return slices.Contains(neutralNames, strings.TrimSuffix(strings.ToLower(path.Base(name)), ".txt"))
}

// indexRank returns the index of a page in indexPages, or -1 if it is not an index page.
func indexRank(name string) int { return slices.Index(indexPages, path.Base(markdown.PageName(name))) }

// isDocs recognizes a directory that has an index page or the configuration of a site, and in which most files are pages,
// besides images, styles, and scripts. Many directories have a README, so a README is accepted as the index page only if
// almost all files are pages.
func isDocs(s *tree.Sample) (string, bool) {
	if !s.IsDir() {
		return "", false
	}
	names := s.Names()
	for _, name := range names {
		names = append(names, markdown.PageName(name))
	}
	first := func(list []string) string {
		i := slices.IndexFunc(list, func(name string) bool { return slices.Contains(names, name) })
		if i < 0 {
			return ""
		}
		return list[i]
	}
	marker, index := first(markers), first(indexPages)
	if marker == "" && index == "" {
		return "", false
	}
	pages, foreign, ok := countFiles(s)
	switch {
	case !ok || pages == 0:
		return "", false
	case foreign == 0 && index != "":
		return fmt.Sprintf("holds %s and only pages", index), true
	case marker != "":
		return fmt.Sprintf("holds %s and mostly pages", marker), pages >= foreign
	case strings.HasPrefix(strings.ToLower(index), "readme"):
		return fmt.Sprintf("holds %s and hardly anything but pages", index), pages > 4*foreign
	}
	if strings.HasPrefix(path.Ext(index), ".htm") { // programs have one too
		foreign++
	}
	return fmt.Sprintf("holds %s and mostly pages", index), pages >= foreign
}

// pictures are the extensions of assets that pages in Markdown, reStructuredText, and AsciiDoc refer to.
var pictures = []string{".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".pdf", ".mmd", ".drawio"}

// hasOnlyPages recognizes a directory without an index page: it has only pages, and pictures for them. Pages in HTML may be reports, and a
// SKILL.md belongs to a skill.
func hasOnlyPages(names []string) (string, bool) {
	pages := 0
	for _, name := range names {
		suffix := strings.ToLower(path.Ext(markdown.PageName(name)))
		switch {
		case strings.EqualFold(path.Base(name), "SKILL.md"), strings.HasPrefix(suffix, ".htm"):
			return "", false
		case isPage(name):
			pages++
		case isNeutral(name):
		case !slices.Contains(pictures, suffix):
			return "", false
		}
	}
	return "holds only pages and their pictures", pages > 0
}

// scripts are the extensions of assets of pages in HTML. Beside other pages, such files are code or data.
var scripts = []string{".js", ".json", ".map"}

// countFiles counts the pages of a directory, and the files that are neither pages nor assets of pages. ok is false if there are
// too many files, or files of another kind.
func countFiles(s *tree.Sample) (pages, foreign int, ok bool) {
	files, html, scripted, other := 0, false, 0, false
	err := fs.WalkDir(s.FS, s.Path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && name != s.Path:
			return fs.SkipDir
		case d.IsDir(), strings.HasPrefix(d.Name(), "."), isNeutral(name):
			return nil
		}
		files++
		suffix := strings.ToLower(path.Ext(name))
		switch {
		case strings.HasPrefix(d.Name(), "devcontainer-"), files > maxDocs:
			other = true
			return fs.SkipAll
		case isPage(name):
			pages++
			html = html || strings.HasPrefix(suffix, ".htm")
		case d.Name() == "package.json":
			foreign++
		case slices.Contains(scripts, suffix):
			scripted++
		case !slices.Contains(assetSuffixes, suffix):
			foreign++
		}
		return nil
	})
	if !html {
		foreign += scripted
	}
	return pages, foreign, err == nil && !other
}
