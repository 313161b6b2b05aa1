package docs_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

func TestDocsConfig(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"manual/index.md": "# The manual\n", "manual/deep/README.md": "---\ntitle: Deep\n---\n", "manual/pic.png": "x",
		"manual/draft.md": "# Draft\n", "manual/tool.py": "x", "one.md": "# One\n", "two.html": "<h1>Two</h1>",
	}
	for _, tc := range []struct{ name, davitYAML, want, title string }{
		{"a directory", "kind: docs\nlayers: [{path: manual/, exclude: [draft.md]}]\n",
			`{"index":"manual/index.md","pageCount":2,"pages":[{"path":"manual/deep/README.md","title":"Deep"},{"path":"manual/index.md","title":"The manual"}],"title":"The manual"}`, "The manual"},
		{"single pages", "kind: docs\nname: Pages\nlayers: [two.html, {path: one.md, title: first.md}]\n",
			`{"index":"two.html","pageCount":2,"pages":[{"path":"two.html","title":"Two"},{"path":"first.md","title":"One"}],"title":"Pages"}`, "Pages"},
		{"a tar of a glob", "kind: docs\nlayers: [{path: 'manual/**/*.md', packing: tar+gzip, title: m}]\nconfig: {title: T, index: m/draft.md}\n",
			`{"index":"m/draft.md","pageCount":3,"pages":[{"path":"m/deep/README.md","title":"Deep"},{"path":"m/draft.md","title":"Draft"},{"path":"m/index.md","title":"The manual"}],"title":"T"}`, "T"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			plan, err := kindtest.Compose(t, files, tc.davitYAML)
			if err != nil {
				t.Fatal(err)
			}
			if got := kindtest.ConfigOf(t, plan); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			if got := plan.Annotations["org.opencontainers.image.title"]; got != tc.title {
				t.Errorf("title: got %q, want %q", got, tc.title)
			}
		})
	}
}

func TestDocsProblems(t *testing.T) {
	t.Parallel()
	_, err := kindtest.Compose(t, map[string]string{"manual/index.md": "# x\n"}, "kind: docs\nlayers: [manual]\nconfig:\n  index: indx.md\n")
	kindtest.WantLines(t, fmt.Sprint(err), `
	davit.yaml:4:10: the index page "indx.md" is not among the pages (one of manual/index.md)`)
	_, err = kindtest.Compose(t, map[string]string{"a.png": "x"}, "kind: docs\nlayers: [a.png]\n")
	kindtest.WantLines(t, fmt.Sprint(err), `
	davit.yaml:2:9: no page among the files (Markdown, HTML, reStructuredText, AsciiDoc or text)`)
}

func TestSites(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string // index, title, pages
	}{
		{"MkDocs", map[string]string{
			"mkdocs.yml": "site_name: My \"Site\"\ntheme: x\nnav:\n  - Home: index.md\n  - Use:\n    - z/use.md\n    - a.md\nplugins: [x.md]\n",
			"README.md":  "# Code\n", "docs/index.md": "# Home\n", "docs/z/use.md": "# Use\n", "docs/a.md": "# A\n", "docs/b.md": "# B\n", "docs/x.py": "",
		}, "s/docs/index.md My s/docs/index.md s/docs/z/use.md s/docs/a.md s/README.md s/docs/b.md"},
		{"mdBook", map[string]string{
			"book.toml": "[book]\ntitle = 'The Book'\n", "src/SUMMARY.md": "# Summary\n[Intro](intro.md)\n- [Two](two/README.md)\n  - [One](./one.md)\n",
			"src/intro.md": "# I\n", "src/one.md": "# 1\n", "src/two/README.md": "# 2\n",
		}, "s/src/intro.md The Book s/src/intro.md s/src/two/README.md s/src/one.md s/src/SUMMARY.md"},
		{"Docusaurus", map[string]string{
			"docusaurus.config.js": "module.exports = {\n  title: 'My Docs',\n}", "docs/b.mdx": "---\nsidebar_position: 1\n---\n# B\n", "docs/a.md": "---\nsidebar_position: 2\n---\n# A\n",
		}, "s/docs/b.mdx My Docs s/docs/b.mdx s/docs/a.md"},
		{"Docusaurus with sidebars", map[string]string{
			"docusaurus.config.ts": "title: \"D\",", "sidebars.ts": "export default {docs: ['guide/start', 'a']}", "docs/a.md": "# A\n", "docs/guide/start.mdx": "# Start\n",
		}, "s/docs/guide/start.mdx D s/docs/guide/start.mdx s/docs/a.md"},
		{"Hugo", map[string]string{
			"hugo.toml": "baseURL = 'x'\ntitle = \"H\"\n", "content/_index.md": "---\ntitle: Home\n---\n", "content/a/_index.md": "---\nweight: 20\n---\n", "content/a/p.md": "# P\n",
			"content/b/_index.md": "---\nweight: 10\n---\n", "content/b/q.md": "---\nweight: 3\n---\n", "content/b/r.md": "---\nweight: 2\n---\n",
		}, "s/content/_index.md H s/content/_index.md s/content/b/_index.md s/content/b/r.md s/content/b/q.md s/content/a/_index.md s/content/a/p.md"},
		{"Sphinx", map[string]string{
			"conf.py": "project = 'The Project'\n", "index.rst": "Welcome\n=======\n\n.. toctree::\n\n   usage\n   api/list\n", "api/list.rst": "====\nList\n====\n", "usage.rst": "Usage of it\n-----------\n",
		}, "s/index.rst The Project s/usage.rst s/api/list.rst s/index.rst"},
		{"Antora", map[string]string{
			"antora.yml": "name: x\ntitle: My Component\nversion: 1\n", "modules/ROOT/nav.adoc": "* xref:z.adoc[Z]\n** xref:a.adoc#x[A]\n",
			"modules/ROOT/pages/a.adoc": "= A\n", "modules/ROOT/pages/index.adoc": ":x: y\n= Index\n", "modules/ROOT/pages/z.adoc": "= Z\n",
		}, "s/modules/ROOT/pages/index.adoc My Component s/modules/ROOT/pages/z.adoc s/modules/ROOT/pages/a.adoc s/modules/ROOT/nav.adoc s/modules/ROOT/pages/index.adoc"},
		{"Antora with modules", map[string]string{
			"antora.yml": "title: C\nstart_page: intro:start.adoc\nnav:\n- modules/ROOT/nav.adoc\n", "modules/ROOT/nav.adoc": "* xref:intro:why.adoc[Why]\n* xref:z.adoc[]\n",
			"modules/ROOT/pages/z.adoc": "= Z\n", "modules/intro/pages/start.adoc": "= S\n", "modules/intro/pages/why.adoc": "= W\n",
		}, "s/modules/intro/pages/start.adoc C s/modules/intro/pages/why.adoc s/modules/ROOT/pages/z.adoc s/modules/ROOT/nav.adoc s/modules/intro/pages/start.adoc"},
		{"Hugo beside a README", map[string]string{
			"config.toml": "title = 'H'\n", "README.md": "# Code\n", "content/_index.md": "+++\ntitle = 'Home'\n+++\n", "content/a.md": "+++\nweight = 1\n+++\n# A\n",
		}, "s/content/_index.md H s/README.md s/content/_index.md s/content/a.md"},
		{"Hugo with several languages", map[string]string{
			"hugo.yaml": "title: H\ndefaultContentLanguage: fr\n", "README.md": "# Code\n", "content/de/_index.md": "# D\n", "content/fr/_index.html": "<h1>F</h1>",
		}, "s/content/fr/_index.html H s/README.md s/content/de/_index.md s/content/fr/_index.html"},
		{"Hugo without content", map[string]string{"config.yaml": "title: H\n", "README.md": "# [Code](https://example.com)\n"}, "s/README.md H s/README.md"},
		{"MkDocs without nav", map[string]string{"mkdocs.yml": "site_name: M\ndocs_dir: src\n", "README.md": "# Code\n", "src/index.md": "# H\n"}, "s/src/index.md M s/README.md s/src/index.md"},
		{"Sphinx in Markdown", map[string]string{
			"conf.py": "project = 'P'\nroot_doc = 'start'\n", "index.md": "# Old, see usage\n\n```{toctree}\n:maxdepth: 2\n\nz\na\n```\n\nusage\n", "start.md": "# S\n", "a.md": "# A\n", "usage.md": "# U\n", "z.rst": "Z\n=\n",
		}, "s/start.md P s/z.rst s/a.md s/index.md s/start.md s/usage.md"},
		{"Docusaurus in a subdirectory", map[string]string{
			"README.md": "# Code\n", "website/docusaurus.config.ts": "title: \"D\",\n docs: { path: \"../docs\" }\n", "website/README.md": "# Site\n",
			"website/sidebars.js": "docs: ['start', 'a']", "docs/a.md": "# A\n", "docs/start.md": "# S\n",
		}, "s/docs/start.md D s/docs/start.md s/docs/a.md s/README.md s/website/README.md"},
		{"Docusaurus with its own pages directory", map[string]string{
			"README.md": "# Code\n", "site/docusaurus.config.js": "title: 'D',\n path: '../mydocs',\n", "mydocs/index.md": "# I\n", "mydocs/a.md": "# A\n",
		}, "s/mydocs/index.md D s/README.md s/mydocs/a.md s/mydocs/index.md"},
		{"Sphinx in a subdirectory", map[string]string{"README.md": "# Code\n", "docs/conf.py": "project = 'P'\n", "docs/index.rst": "I\n=\n"}, "s/docs/index.rst P s/README.md s/docs/index.rst"},
		{"Middleman", map[string]string{
			"README.md": "# Code\n", "config.rb": "x\n", "source/index.html.md.erb": "---\ntitle: Home\n---\n", "source/a.html.md": "# A\n", "source/b.erb": "x",
		}, "s/source/index.html.md.erb Home s/README.md s/source/a.html.md s/source/index.html.md.erb"},
		{"a title with a link", map[string]string{"index.md": "# The [site](https://example.com) of `x`\n"}, "s/index.md The site of `x` s/index.md"},
		{"no generator", map[string]string{"index.html": "<TITLE>\nA &amp; B</TITLE>", "b.adoc": "= B", "c.rst": "C c\n~~~\n"}, "s/index.html A & B s/b.adoc s/c.rst s/index.html"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{}
			for name, content := range tc.files {
				files["s/"+name] = content
			}
			plan, err := kindtest.Compose(t, files, "kind: docs\nlayers: [s]\n")
			if err != nil {
				t.Fatal(err)
			}
			var config struct {
				Index, Title string
				Pages        []struct{ Path string }
			}
			if err := json.Unmarshal([]byte(kindtest.ConfigOf(t, plan)), &config); err != nil {
				t.Fatal(err)
			}
			got := config.Index + " " + config.Title
			for _, p := range config.Pages {
				got += " " + p.Path
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestDetectDocs(t *testing.T) {
	t.Parallel()
	page, code := "# Page\n", "x = 1\n"
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"a page and a Makefile", map[string]string{"index.md": page, "Makefile": code}, "docs"},
		{"pages with code samples", map[string]string{"mkdocs.yml": "site_name: x\n", "docs/index.md": page, "docs/a.md": page, "docs/a.py": code}, "docs"},
		{"Hugo", map[string]string{"_index.md": page, "a/_index.md": page, "a/b.yml": "a: 1\n"}, "docs"},
		{"Sphinx", map[string]string{"conf.py": "project = 'x'\n", "index.rst": "X\n=\n", "a.rst": "A\n=\n"}, "docs"},
		{"AsciiDoc", map[string]string{"index.adoc": "= X\n", "a.adoc": "= A\n"}, "docs"},
		{"Middleman", map[string]string{"index.html.md.erb": page, "a/b.html.md.erb": page, "a.rb": code}, "docs"},
		{"runbooks with a README", map[string]string{"README.md": page, "a.md": kindtest.RunbookFile, "b.md": kindtest.RunbookFile}, "runbook"},
		{"runbooks of the usual template", map[string]string{
			"_index.md": page, "a/DiskFull.md": "# DiskFull\n\n## Meaning\n\n## Mitigation\n", "a/hostdown.md": "---\ntitle: Host down\n---\n# HostDown\n## Meaning\n## Impact\n", "OWNERS": code,
		}, "runbook"},
		{"documentation with some pages about alerts", map[string]string{
			"index.md": page, "a.md": page, "b.md": page, "DiskFull.md": "# DiskFull\n\n## Meaning\n\n## Mitigation\n", "HostDown.md": "# HostDown\n## Meaning\n## Impact\n",
		}, "docs"},
		{"pages about classes", map[string]string{"index.md": page, "HttpClient.md": "# HttpClient\n## Impact\n## Methods\n", "MyThing.md": "# MyThing\n## Meaning\n## Usage\n"}, "docs"},
		{"pages and pictures without an index page", map[string]string{"a.md": page, "b/c.markdown": page, "b/img/x.PNG": "x", "x.svg": "<svg/>"}, "docs"},
		{"one page", map[string]string{"a.md": page}, "docs"},
		{"pages in AsciiDoc without an index page", map[string]string{"a.adoc": "= X\n", "b/b.rst": "X\n=\n"}, "docs"},
		{"pages with an ignored file", map[string]string{"a.md": page, "b.py": code, "c/d.py": code, ".davitignore": "**/*.py\n"}, "docs"},
		{"pages with hidden files and a davit.yaml", map[string]string{"a.md": page, "b/.env": code, ".git/HEAD": code, "davit.yaml": code}, "docs"},
		{"pages with a layout", map[string]string{"a.md": page, "oci/oci-layout": "{}", "oci/index.json": "{}"}, "docs"},
		{"pages and code", map[string]string{"a.md": page, "b.md": page, "c.md": page, "d.md": page, "e.md": page, "x.py": code}, "generic"},
		{"pages and a license", map[string]string{"a.md": page, "b/LICENSE.txt": "x", "Thumbs.db": "x"}, "docs"},
		{"a README, a page, and a license", map[string]string{"README.md": page, "a.md": page, "LICENSE": "x", "CNAME": "x"}, "docs"},
		{"a license alone", map[string]string{"LICENSE": "x"}, "generic"},
		{"a program with a license", map[string]string{"README.md": page, "LICENSE": "x", "main.py": code}, "generic"},
		{"pages and code in a subdirectory", map[string]string{"a.md": page, "b/x.py": code}, "generic"},
		{"pages and text", map[string]string{"a.md": page, "b.txt": "x"}, "generic"},
		{"pages in HTML without an index page", map[string]string{"a.html": "<p>", "b.png": "x"}, "generic"},
		{"pictures", map[string]string{"a.png": "x"}, "generic"},
		{"a SKILL.md without a name", map[string]string{"SKILL.md": page, "a.md": page}, "generic"},
		{"a skill", map[string]string{"SKILL.md": "---\nname: s\ndescription: x\n---\n"}, "skill"},
		{"a runbook and a picture", map[string]string{"a.md": kindtest.RunbookFile, "b.png": "x"}, "runbook"},
		{"a program with a README", map[string]string{"README.md": page, "main.py": code}, "generic"},
		{"a program with a docs directory", map[string]string{"README.md": page, "docs/a.md": page, "a.py": code, "b.py": code}, "generic"},
		{"a web page and its server", map[string]string{"index.html": "<p>", "server.py": code}, "generic"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{}
			for name, content := range tc.files {
				files["s/"+name] = content
			}
			declared, _, err := artifact.Detect(kindtest.Tree(t, files).FS(), []string{"s"}, "")
			if err != nil {
				t.Fatal(err)
			}
			if declared.Kind != tc.want {
				t.Errorf("got %s, want %s", declared.Kind, tc.want)
			}
		})
	}
}

// TestDetectDirectoriesOfDocs checks directories without an index page that are named together.
func TestDetectDirectoriesOfDocs(t *testing.T) {
	t.Parallel()
	fsys := kindtest.Tree(t, map[string]string{"a/x.md": "# X\n", "b/y.md": "# Y\n", "code/x.py": "", "z.md": "# Z\n"}).FS()
	for paths, want := range map[string]string{"a": "docs", "a b": "docs", "a code": "generic", "a z.md": "generic", "z.md": "generic"} {
		if declared, _, err := artifact.Detect(fsys, strings.Fields(paths), ""); err != nil || declared.Kind != want {
			t.Errorf("%s: got %v and %v, want %s", paths, declared, err, want)
		} else if _, err := artifact.Compose(fsys, declared); err != nil {
			t.Errorf("%s: %v", paths, err)
		}
	}
}

// TestNoteOfAlerts checks the note that pages look like runbooks.
func TestNoteOfAlerts(t *testing.T) {
	t.Parallel()
	const hint = "; --kind runbook lists them by alert, for show --alert"
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"file names and titles", map[string]string{"DiskFull.md": "# DiskFull\n", "poddown.md": "# PodDown\n"}, "docs: pages for alerts: DiskFull, PodDown" + hint},
		{"a title in the front matter", map[string]string{"DiskFull.md": "---\ntitle: DiskFull\n---\nText\n"}, "docs: pages for alerts: DiskFull" + hint},
		{"alerts in the front matter", map[string]string{"a.md": "---\nalerts: [DiskFull]\n---\n# A\n", "b.md": "# B\n", "README.md": "# R\n"}, "docs: pages for alerts: DiskFull" + hint},
		{"alerts beside more pages", map[string]string{"DiskFull.md": "# DiskFull\n", "a.md": "# A\n", "b.md": "# B\n"}, ""},
		{"other titles", map[string]string{"DiskFull.md": "# How to clean a disk\n", "install.md": "# Install\n", "a.md": "---\nalerts:\n---\n"}, ""},
		{"headings", map[string]string{"api.md": "# API\n## HttpClient\n## HttpServer\n"}, ""},
		{"invalid front matter", map[string]string{"a.md": "---\nalerts: [\n---\n# A\n"}, ""},
		{"another format", map[string]string{"DiskFull.adoc": "# DiskFull\n"}, ""},
	} {
		fsys := kindtest.Tree(t, tc.files).FS()
		plan, err := artifact.Compose(fsys, &spec.Spec{Kind: "docs", Layers: []spec.LayerSpec{{Path: "."}}})
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		notes := slices.DeleteFunc(plan.Notes, func(note string) bool { return strings.Contains(note, "packed as") })
		if got := strings.Join(notes, "\n"); got != tc.want {
			t.Errorf("%s: got notes %q, want %q", tc.name, got, tc.want)
		}
		declared, err := kindtest.Compose(t, tc.files, "kind: docs\nlayers: ['**/*.{md,adoc}']\n")
		if err != nil || len(declared.Notes) > 0 {
			t.Errorf("%s, declared: got %v and notes %q, want none", tc.name, err, declared.Notes)
		}
	}
}

func FuzzPageTitle(f *testing.F) {
	for _, seed := range []string{"Title\n=====\n", "= Title\n", "<title>a</title>", "====\nOver\n====\n", "-\n--\n---\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		for _, ext := range []string{"rst", "adoc", "html", "md"} {
			plan, err := kindtest.Compose(t, map[string]string{"a." + ext: content}, "kind: docs\nlayers: [a."+ext+"]\n")
			if err != nil {
				t.Fatal(err)
			}
			if title := plan.Annotations["org.opencontainers.image.title"]; len(title) > 200 {
				t.Errorf("got a title of %d bytes, want at most 200", len(title))
			}
		}
	})
}
