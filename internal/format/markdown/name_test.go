package markdown_test

import (
	"testing"

	"github.com/davit-oci/davit/internal/format/markdown"
)

func TestPageName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a/index.html.md.erb": "a/index.md", "b.htm.markdown": "b.markdown", "x.md.erb": "x.md", "c.html.md": "c.md", "d.md": "d.md",
		"page.html": "page.html", "e.html.erb": "e.html", "tool.erb": "tool.erb", "a.b/c": "a.b/c", "v1.2.md": "v1.2.md", ".erb": ".erb", "": "",
	} {
		if got := markdown.PageName(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]bool{"a.md": true, "A.MD": true, "a.html.md.erb": true, "a.mdx": true, "a.erb": false, "a.rb.erb": false, "md": false, "a.html": false} {
		if got := markdown.IsName(name); got != want {
			t.Errorf("%q: got %t, want %t", name, got, want)
		}
	}
}
