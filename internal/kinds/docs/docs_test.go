package docs_test

import (
	"fmt"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

func TestDocsConfig(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"manual/index.md": "# The manual\n", "manual/deep/README.md": "---\ntitle: Deep\n---\n", "manual/pic.png": "x",
		"manual/draft.md": "# Draft\n", "manual/tool.py": "x", "one.md": "# One\n", "two.html": "<h1>Two</h1>",
	}
	for _, tc := range []struct{ name, davitYAML, want, title string }{
		{"a folder", "kind: docs\nlayers: [{path: manual/, exclude: [draft.md]}]\n",
			`{"index":"manual/index.md","pageCount":2,"pages":[{"path":"manual/deep/README.md","title":"Deep"},{"path":"manual/index.md","title":"The manual"}],"title":"The manual"}`, "The manual"},
		{"single pages", "kind: docs\nname: Pages\nlayers: [two.html, {path: one.md, title: first.md}]\n",
			`{"index":"two.html","pageCount":2,"pages":[{"path":"two.html"},{"path":"first.md","title":"One"}],"title":"Pages"}`, "Pages"},
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
	davit.yaml:2:9: there is no page among the files (Markdown, HTML or text)`)
}
