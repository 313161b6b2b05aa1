// Package prose renders untrusted Markdown as HTML for pages. It writes each tag and attribute itself, and everything that
// comes from a document as text: HTML in a document is dropped, and links and images lead only where the caller lets them.
package prose

import (
	"slices"
	"strconv"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/markup"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/yuin/goldmark/ast"
)

// Links resolves the links and images of a document.
type Links struct {
	// Link returns the address for a destination, "" for none: then the text of the link is shown. Destinations in the same
	// document and web addresses are not asked about. Nil: none.
	Link func(destination string) string
	// Image returns the address of an image in the artifact, "" for none: then its text is shown. Nil: none.
	Image func(destination string) string
}

const (
	// maxDepth bounds nested blocks: browsers lay out deep ones slowly.
	maxDepth = 24
	// maxAhead bounds the search for the section of a heading.
	maxAhead = 8
	// below lowers the level of each heading: the page has one above the document.
	below = 1
)

// Render renders a document. One that is too intricate to be parsed is shown as it is written.
func Render(document string, links Links) template.HTML {
	document = strings.ReplaceAll(document, "\r\n", "\n")
	if _, body, found := frontmatter.Split([]byte(document)); found {
		document = string(body)
	}
	root, source := markup.Parse(document)
	if root == nil {
		return template.HTML("<pre>" + escape(document) + "</pre>\n")
	}
	r := &renderer{source: source, links: links, sections: markdown.Sections(source)}
	r.blocks(root, 0)
	return template.HTML(r.String())
}

// renderer renders one document.
type renderer struct {
	strings.Builder
	source []byte
	links  Links

	sections []markdown.Section // that are still to come
}

func escape(s string) string { return template.HTMLEscapeString(untrusted.Ordered(s)) }

// text writes text from the document.
func (r *renderer) text(s string) { r.WriteString(escape(s)) }

// in writes an element around content. The tag may have attributes.
func (r *renderer) in(tag string, content func()) {
	r.WriteString("<" + tag + ">")
	content()
	name, _, _ := strings.Cut(tag, " ")
	r.WriteString("</" + name + ">")
}

// blocks renders the blocks in a container.
func (r *renderer) blocks(parent ast.Node, depth int) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		r.block(n, depth)
	}
}

func (r *renderer) block(n ast.Node, depth int) {
	inner := func() { r.blocks(n, depth+1) }
	if depth > maxDepth && n.Type() == ast.TypeBlock {
		if n.FirstChild() != nil && n.FirstChild().Type() == ast.TypeInline {
			inner = func() { r.inline(n) }
		}
		inner()
		return
	}
	switch n := n.(type) {
	case *ast.Heading:
		r.heading(n)
	case *ast.Paragraph:
		r.in("p", func() { r.inline(n) })
	case *ast.TextBlock:
		r.inline(n)
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		r.in(`pre tabindex="0"`, func() { r.in("code", func() { r.lines(n) }) })
	case *ast.Blockquote:
		r.in("blockquote", func() {
			if title, ok := markup.AlertTitle(n); ok {
				r.in(`p class="alert"`, func() { r.text(title) })
			}
			inner()
		})
	case *ast.List:
		r.list(n, inner)
	case *ast.ListItem:
		r.in("li", inner)
	case *ast.ThematicBreak:
		r.WriteString("<hr>")
	case *ast.HTMLBlock:
		r.html(n)
	case *markup.Table:
		r.table(n)
	default:
		inner()
	}
	r.WriteByte('\n')
}

// heading writes a heading with the anchor of its section, which links lead to.
func (r *renderer) heading(n *ast.Heading) {
	name := "h" + strconv.Itoa(min(6, n.Level+below))
	tag := name
	lines := n.Lines()
	text := ""
	if lines.Len() > 0 {
		at := lines.At(0)
		text = strings.TrimSpace(string(at.Value(r.source)))
	}
	ahead := r.sections[:min(len(r.sections), maxAhead)] // two readers of headings may disagree about a few
	if i := slices.IndexFunc(ahead, func(s markdown.Section) bool { return s.Heading.Text == text }); i >= 0 {
		tag += ` id="` + escape(AnchorPrefix+r.sections[i].Anchor) + `"`
		r.sections = r.sections[i+1:]
	}
	r.WriteString("<" + tag + ">")
	r.inline(n)
	r.WriteString("</" + name + ">")
}

// AnchorPrefix begins the id of each heading, so that none is an id of the page.
const AnchorPrefix = "doc-"

func (r *renderer) list(n *ast.List, inner func()) {
	switch {
	case !n.IsOrdered():
		r.in("ul", inner)
	case n.Start == 1:
		r.in("ol", inner)
	default:
		r.in(`ol start="`+strconv.Itoa(n.Start)+`"`, inner)
	}
}

// lines writes the lines of a block unchanged.
func (r *renderer) lines(n ast.Node) {
	lines := n.Lines()
	for i := range lines.Len() {
		at := lines.At(i)
		r.text(string(at.Value(r.source)))
	}
}

// html writes the text in a block of HTML.
func (r *renderer) html(n *ast.HTMLBlock) {
	var b strings.Builder
	lines := n.Lines()
	for i := range lines.Len() {
		at := lines.At(i)
		b.Write(at.Value(r.source))
	}
	if n.HasClosure() {
		b.Write(n.ClosureLine.Value(r.source))
	}
	for l := range strings.Lines(markup.TagText(b.String())) {
		if l = strings.TrimSpace(l); l != "" {
			r.in("p", func() { r.text(l) })
		}
	}
}

// table writes a table; its first row is the head.
func (r *renderer) table(t *markup.Table) {
	r.WriteString(`<div class="wide" role="group" aria-label="Table" tabindex="0"><table>`)
	cell := t.FirstChild()
	for row := 0; cell != nil; row++ {
		r.in("tr", func() {
			for column := 0; column < len(t.Columns) && cell != nil; column++ {
				tag := "td"
				if row == 0 {
					tag = `th scope="col"`
				}
				if t.Columns[column] == markup.Right {
					tag += ` class="number"`
				}
				r.in(tag, func() { r.inline(cell) })
				cell = cell.NextSibling()
			}
		})
	}
	r.WriteString("</table></div>")
}
