package htmlpage_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/term/htmlpage"
	"github.com/davit-oci/davit/internal/term/markdown"
)

// TestMarkdown checks how pages are rendered in a terminal.
func TestMarkdown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ page, want string }{
		"page": {`<!DOCTYPE html><html><head><title>My &amp; page</title><style>b{}</style><script>if (a < b) {}</script></head>
<body class="x"><nav><a href="sub/a.html">A page</a></nav><h1>Wel<i>come</i></h1><p>Hello <b>bold</b> and <code>a*b</code>,
 second   line.<br>Third.</p><!-- hidden --></body></html>`,
			"A page <sub/a.html>\n\nWelcome\n═══════\n\nHello bold and `a*b`, second line.\nThird.\n"},
		"title":                 {"<title>T</title><p>x</p>", "T\n═\n\nx\n"},
		"lists":                 {"<ul><li>one</li><li>two<ol><li>a</li><li><p>b</p><p>c</p></li></ol></li></ul>", "  • one\n  • two\n      1. a\n\n      2. b\n\n         c\n"},
		"code":                  {"<pre><code class=\"go\">a &lt; b\n  <span>c</span>\n</code></pre>", "    a < b\n      c\n"},
		"table":                 {"<table><tr><th>a<th>b</tr><tr><td>1</td><td>x|y <b>z</b></td></tr></table>", "a  b\n─  ─────\n1  x|y z\n"},
		"quote":                 {"<blockquote><p>said</p></blockquote>", "│ said\n"},
		"Markdown characters":   {"<p>1. not a list *and* _not_ [this](x) # nor &lt;b&gt;</p><p>- a</p>", "1. not a list *and* _not_ [this](x) # nor <b>\n\n- a\n"},
		"image":                 {`<img src="a.png" alt="A cat"><img src=b.png>`, "[image: A cat] <a.png>\n"},
		"links":                 {`<a href='#top'>top</a> <a href="javascript:x()">js</a> <a HREF=x.html>x</a> <a>none</a>`, "top js x <x.html> none\n"},
		"unescaped brackets":    {"a < b <> </ <p", "a < b <> </ <p\n"},
		"script without an end": {"<p>a<script>never", "a\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := markdown.Render(htmlpage.Markdown(test.page), markdown.Options{Width: 60}); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// FuzzMarkdown checks that a small page does not become a large document.
func FuzzMarkdown(f *testing.F) {
	for _, seed := range []string{"<p>a</p>", "<a href='x", "<table><tr><td><pre>x</pre>", "<ul><li><ol></ul></li>", "</", "<!--", "<b><i></b></i>", "<code><a href=x>y</code></a>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, page string) {
		if out := htmlpage.Markdown(page); len(out) > 60*len(page)+100 {
			t.Errorf("got %d bytes from %d, want at most 60 times as many", len(out), len(page))
		}
		if strings.TrimSpace(page) == "" && htmlpage.Markdown(page) != "" {
			t.Errorf("empty page: got %q, want no text", htmlpage.Markdown(page))
		}
	})
}
