package markdown

import (
	"path"
	"strings"
)

// PageName returns the file name of a page without the extensions of templates: Middleman's index.html.md.erb becomes index.md.
func PageName(name string) string {
	dir, base := path.Split(name)
	base, template := strings.CutSuffix(base, ".erb")
	ext := path.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	for _, output := range [...]string{".html", ".htm"} {
		if inner, ok := strings.CutSuffix(stem, output); ok && IsName(base) {
			return dir + inner + ext
		}
	}
	if template && ext == "" {
		return name
	}
	return dir + base
}

// IsName reports whether a file name has a Markdown extension, which .erb may follow.
func IsName(name string) bool {
	switch strings.ToLower(path.Ext(strings.TrimSuffix(name, ".erb"))) {
	case ".md", ".markdown", ".mdx":
		return true
	}
	return false
}
