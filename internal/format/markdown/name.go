package markdown

import (
	"path"
	"strings"
)

// PageName returns the name of a page without the extensions of templates: index.html.md.erb of
// Middleman is the page index.md.
func PageName(name string) string {
	dir, base := path.Split(name)
	base, template := strings.CutSuffix(base, ".erb")
	ext := path.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	for _, made := range [...]string{".html", ".htm"} {
		if inner, ok := strings.CutSuffix(stem, made); ok && IsName(base) {
			return dir + inner + ext
		}
	}
	if template && ext == "" {
		return name
	}
	return dir + base
}

// IsName reports whether a file has the extension of Markdown.
func IsName(name string) bool {
	switch strings.ToLower(path.Ext(strings.TrimSuffix(name, ".erb"))) {
	case ".md", ".markdown", ".mdx":
		return true
	}
	return false
}
