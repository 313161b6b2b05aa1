package docs

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// maxPages bounds the list of pages in the config, which readers hold in memory: about 100 bytes each.
	maxPages     = 2000
	maxPageTitle = 200
	// maxDocs bounds the files that are examined to decide whether a directory is documentation.
	maxDocs = 10_000
)

// indexPages are the names of first pages, the most common first.
var indexPages = []string{"index.md", "README.md", "index.html", "readme.md", "index.htm"}

// pageSuffixes and assetSuffixes are the extensions of files of documentation.
var (
	pageSuffixes  = []string{".md", ".markdown", ".html", ".htm"}
	assetSuffixes = []string{".css", ".js", ".json", ".txt", ".xml", ".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp",
		".ico", ".woff", ".woff2", ".ttf", ".pdf", ".map", ".mmd", ".drawio"}
)

// isDocs finds a directory that has an index page, and otherwise only pages and the images, styles, and scripts that they use.
func isDocs(s *tree.Sample) (string, bool) {
	if !s.IsDir() {
		return "", false
	}
	i := slices.IndexFunc(indexPages, func(name string) bool { return slices.Contains(s.Names(), name) })
	if i < 0 {
		return "", false
	}
	files, foreign := 0, false
	err := fs.WalkDir(s.FS, s.Path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && name != s.Path:
			return fs.SkipDir
		case d.IsDir(), strings.HasPrefix(d.Name(), "."):
			return nil
		}
		files++
		suffix := strings.ToLower(path.Ext(name))
		foreign = !slices.Contains(pageSuffixes, suffix) && !slices.Contains(assetSuffixes, suffix) ||
			strings.HasPrefix(d.Name(), "devcontainer-")
		if foreign || files > maxDocs {
			return fs.SkipAll
		}
		return nil
	})
	return fmt.Sprintf("holds %s and nothing but pages", indexPages[i]), err == nil && !foreign
}

// docsPage is an entry of the config's list of pages.
type docsPage struct {
	Path  string `json:"path"`            // its name after a pull
	Title string `json:"title,omitempty"` // its first heading
}

// derive lists the pages, and the first one to read.
func derive(d *compose.Draft) (compose.Finish, error) {
	var pages []docsPage
	for _, l := range d.Layers {
		pages = append(pages, pagesOf(d, l)...)
	}
	if len(pages) == 0 && len(d.Unfound) == 0 {
		d.Report(d.Spec.Problem("/layers", "there is no page among the files", "Markdown, HTML or text"))
	}
	config := map[string]any{}
	if len(pages) > 0 {
		config["index"] = indexOf(pages).Path
		if title := indexOf(pages).Title; title != "" {
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
	return compose.Constant(config)
}

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

// indexOf returns the page to begin with: the index page with the shortest path, else the first page.
func indexOf(pages []docsPage) docsPage {
	best, bestRank := pages[0], 1<<30
	for _, p := range pages {
		name := slices.Index(indexPages, path.Base(p.Path))
		if name < 0 {
			continue
		}
		if rank := strings.Count(p.Path, "/")*len(indexPages) + name; rank < bestRank {
			best, bestRank = p, rank
		}
	}
	return best
}

// pagesOf lists the pages in a layer, by their names after a pull.
func pagesOf(d *compose.Draft, l *compose.Layer) []docsPage {
	switch {
	case l.Packing == mediatypes.Raw && l.Role == "page":
		return []docsPage{page(d, l.Path, l.Title)}
	case len(l.Files) > 0:
		var pages []docsPage
		for _, name := range l.Files {
			if isPage(name) {
				pages = append(pages, page(d, name, path.Join(l.Title, tree.Below(l.Path, name))))
			}
		}
		return pages
	case !l.Dir:
		return nil
	}
	var pages []docsPage
	// Unreadable files were reported when the layer was chosen.
	_ = fs.WalkDir(d.FS, l.Path, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name != l.Path && l.Exclude(tree.Below(l.Path, name), e.IsDir()) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.Type().IsRegular() && isPage(name) {
			pages = append(pages, page(d, name, path.Join(l.Title, tree.Below(l.Path, name))))
		}
		return nil
	})
	return pages
}

func isPage(name string) bool {
	return slices.Contains(pageSuffixes, strings.ToLower(path.Ext(name)))
}

// page reads the title of a page from its front matter or first heading.
func page(d *compose.Draft, name, title string) docsPage {
	p := docsPage{Path: title}
	head, err := tree.ReadHead(d.FS, name)
	if err != nil || !strings.HasPrefix(strings.ToLower(path.Ext(name)), ".m") {
		return p
	}
	front, body, found := frontmatter.Split(head)
	if found {
		fields, _ := declare.ReadDocument(name, front).Value.(map[string]any)
		p.Title, _ = fields["title"].(string)
	}
	if p.Title == "" {
		p.Title = markdown.Title(markdown.Headings(body))
	}
	if len(p.Title) > maxPageTitle {
		p.Title = ""
	}
	return p
}
