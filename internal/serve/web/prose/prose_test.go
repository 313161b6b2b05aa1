package prose_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/serve/web/prose"
)

var links = prose.Links{
	Link:  func(d string) string { return "/link/" + d },
	Image: func(d string) string { return "/image/" + d },
}

func TestRender(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"# A & B":                         `<h2 id="doc-a--b">A &amp; B</h2>`,
		"# A\n# A":                        "<h2 id=\"doc-a\">A</h2>\n<h2 id=\"doc-a-1\">A</h2>",
		"a *b* **c** `d<e`":               "<p>a <em>b</em> <strong>c</strong> <code>d&lt;e</code></p>",
		"<b>bold</b>":                     "<p>bold</p>",
		"~~a *b*~~ ~c~ ~~~~":              "<p><del>a <em>b</em></del> <del>c</del> ~~~~</p>",
		"<script>alert(1)</script>":       "<p>alert(1)</p>",
		"[a](javascript:alert(1))":        "<p>a</p>",
		"[a](JAVASCRIPT&#58;alert(1))":    "<p>a</p>",
		"[a](//evil.example)":             "<p>a</p>",
		"[a](data:text/html,b)":           "<p>a</p>",
		"[a](b.md)":                       `<p><a href="/link/b.md" rel="noopener noreferrer nofollow">a</a></p>`,
		"[a](#b)":                         `<p><a href="#doc-b" rel="noopener noreferrer nofollow">a</a></p>`,
		"[a](https://b.example/?c&d)":     `<p><a href="https://b.example/?c&amp;d" rel="noopener noreferrer nofollow">a</a></p>`,
		"![a](b.png)":                     `<p><img src="/image/b.png" alt="a" loading="lazy"></p>`,
		`![a" onerror="b](c.png)`:         `<p><img src="/image/c.png" alt="a&#34; onerror=&#34;b" loading="lazy"></p>`,
		"![a](https://b.example/c.png)":   "<p>[image: a]</p>",
		"---\ntitle: x\n---\n\na":         "<p>a</p>",
		"3. a\n4. b":                      "<ol start=\"3\"><li>a\n</li>\n<li>b\n</li>\n</ol>",
		"| a | b |\n|--|-:|\n| <i> | 2 |": `<div class="wide" role="group" aria-label="Table" tabindex="0"><table><tr><th scope="col">a</th><th scope="col" class="number">b</th></tr><tr><td></td><td class="number">2</td></tr></table></div>`,
		"> [!NOTE]\n> a":                  "<blockquote><p class=\"alert\">Note</p><p>a</p>\n</blockquote>",
	} {
		if got := strings.TrimSpace(string(prose.Render(in, links))); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// TestNoLinks checks that a document has no links or images if the caller has no functions to resolve them.
func TestNoLinks(t *testing.T) {
	t.Parallel()
	if got := string(prose.Render("[a](b.md) ![c](d.png)", prose.Links{})); strings.Contains(got, "href") || strings.Contains(got, "src") {
		t.Errorf("got %s, want no href or src", got)
	}
}

// allowed has the attributes of the elements that a rendered document may have.
var allowed = map[string]string{
	"h2": "id", "h3": "id", "h4": "id", "h5": "id", "h6": "id", "p": "class", "br": "", "hr": "", "em": "", "strong": "", "del": "", "code": "", "pre": "tabindex", "ul": "", "ol": "start",
	"li": "", "blockquote": "", "a": "href rel", "img": "src alt loading", "table": "", "tr": "", "th": "scope class", "td": "class", "div": "class role aria-label tabindex",
}

// FuzzRender checks that every document is rendered as balanced, allowed elements.
func FuzzRender(f *testing.F) {
	for _, seed := range []string{"# a\n<script>b</script>\n\n- c\n  > d\n", "[a](javascript:b) ![c](d)", "|a|\n|-|\n|`b|\n", "```\n</code>\n", strings.Repeat("> ", 30) + "deep", "<!-- a --> &lt;b&gt; \\<c>", "~a~ ~~*b*~~"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		out := string(prose.Render(document, links))
		d := xml.NewDecoder(strings.NewReader(strings.ToValidUTF8(strings.Map(replaceInvalid, out), "?")))
		d.Strict, d.AutoClose, d.Entity = false, []string{"br", "hr", "img"}, xml.HTMLEntity
		for {
			token, err := d.Token()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			start, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			attributes, known := allowed[start.Name.Local]
			if !known {
				t.Fatalf("got the element %s in %s, which is not allowed", start.Name.Local, out)
			}
			for _, a := range start.Attr {
				if !strings.Contains(" "+attributes+" ", " "+a.Name.Local+" ") {
					t.Fatalf("got the attribute %s of %s in %s, which is not allowed", a.Name.Local, start.Name.Local, out)
				}
				if (a.Name.Local == "href" || a.Name.Local == "src") && !isAllowedAddress(a.Value) {
					t.Fatalf("%s: got the address %s, which is not allowed", start.Name.Local, a.Value)
				}
			}
		}
	})
}

// replaceInvalid replaces characters that are not valid in XML.
func replaceInvalid(r rune) rune {
	if r < ' ' && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF {
		return '?'
	}
	return r
}

// isAllowedAddress reports whether an address is from links, or is a web address.
func isAllowedAddress(address string) bool {
	for _, prefix := range []string{"#doc-", "/link/", "/image/", "http:", "https:", "mailto:"} {
		if strings.HasPrefix(address, prefix) {
			return true
		}
	}
	return false
}
