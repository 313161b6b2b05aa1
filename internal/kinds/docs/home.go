package docs

import (
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/lazy"
)

// The expressions match settings in the configurations of generators, and references to pages.
var (
	docsDir      = lazy.Regexp(`(?m)^docs_dir:[ \t]*["']?([^"'\n#]+)`)
	docsPath     = lazy.Regexp(`(?m)\bpath:[ \t]*["']([\w./-]*docs[\w./-]*)["']`)
	contentDir   = lazy.Regexp(`(?m)^[ \t]*contentDir[ \t]*[:=][ \t]*["']?([^"'\n#]+)`)
	siteLanguage = lazy.Regexp(`(?m)^[ \t]*defaultContentLanguage[ \t]*[:=][ \t]*["']?([\w-]+)`)
	rootDocument = lazy.Regexp(`(?m)^(?:root_doc|master_doc)[ \t]*=[ \t]*["']([^"'\n]+)["']`)
	startPage    = lazy.Regexp(`(?m)^start_page:[ \t]*["']?(?:([\w-]+):)?([^\s"'#]+)`)
	crossPage    = lazy.Regexp(`xref:(?:([\w-]+):)?([^\s\[#:]+)`)
)

// setting returns the first group of a match, or otherwise if match is nil.
func setting(match []string, otherwise string) string {
	if match == nil {
		return otherwise
	}
	return strings.TrimSpace(match[1])
}

// mkdocsHome returns the directory of the pages.
func mkdocsHome(config string) []string {
	return []string{setting(docsDir().FindStringSubmatch(config), "docs")}
}

// docusaurusHome returns the directories of the documentation: those in the configuration, and the default.
func docusaurusHome(config string) []string {
	var dirs []string
	for _, m := range docsPath().FindAllStringSubmatch(config, -1) {
		dirs = append(dirs, m[1])
	}
	return append(dirs, "docs")
}

// middlemanHome returns the directory of the pages.
func middlemanHome(string) []string { return []string{"source"} }

// hugoHome returns the directory of the content, and its subdirectory for the default language.
func hugoHome(config string) []string {
	dir := setting(contentDir().FindStringSubmatch(config), "content")
	return []string{dir, path.Join(dir, setting(siteLanguage().FindStringSubmatch(config), "en"))}
}

// sphinxHome returns the possible names of the first page.
func sphinxHome(config string) []string {
	document := setting(rootDocument().FindStringSubmatch(config), "index")
	return []string{document + ".rst", document + ".md"}
}

// antoraHome returns the start page, or the directory of the pages of module ROOT if the configuration does not name one.
func antoraHome(config string) []string {
	m := startPage().FindStringSubmatch(config)
	if m == nil {
		return []string{"modules/ROOT/pages"}
	}
	return []string{antoraPage(m[1], m[2])}
}

// antoraPage returns the path of a page of a module. The module "" is ROOT.
func antoraPage(module, name string) string {
	if module == "" {
		module = "ROOT"
	}
	if path.Ext(name) == "" {
		name += ".adoc"
	}
	return path.Join("modules", module, "pages", name)
}

// resolveAntoraPages replaces the references to pages in a navigation with the paths of the pages.
func resolveAntoraPages(nav string) string {
	return crossPage().ReplaceAllStringFunc(nav, func(ref string) string {
		m := crossPage().FindStringSubmatch(ref)
		return " " + antoraPage(m[1], m[2]) + " "
	})
}

// homeOf returns the first page of a site: the page that s.home names, or the index page in a directory that it names.
func (s site) homeOf(pages []docsPage) (home docsPage, ok bool) {
	for _, name := range s.home {
		var within []docsPage
		for _, p := range pages {
			if p.source == name {
				return p, true
			}
			if path.Dir(p.source) == name {
				within = append(within, p)
			}
		}
		if len(within) == 0 {
			continue
		}
		if home := indexOf(within); isIndex(home) {
			return home, true
		}
	}
	return docsPage{}, false
}

// readToctrees returns the lines of the toctree directives in a page of Sphinx, which list pages. In reStructuredText, the lines
// are indented; in Markdown, they extend to the end of the code block.
func readToctrees(page string) string {
	var b strings.Builder
	inside, indentation := false, 0
	for line := range strings.Lines(page) {
		text := strings.TrimSpace(line)
		switch blanks := len(line) - len(strings.TrimLeft(line, " \t")); {
		case strings.HasPrefix(text, ".. toctree::"):
			inside, indentation = true, blanks
		case strings.Contains(text, "{toctree}"):
			inside, indentation = true, -1
		case inside && text != "" && (blanks <= indentation || indentation < 0 && strings.Trim(text, "`:~") == ""):
			inside = false
		case inside && !strings.HasPrefix(text, ":"):
			b.WriteString(line)
		}
	}
	return b.String()
}
