// Package prose renders untrusted Markdown as HTML for pages. It escapes all text of a document, drops HTML tags in it, and
// writes only its own tags and attributes. The caller determines where links and images within the artifact lead.
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
	// Link returns the address of a destination outside the document. If it returns "" or is nil, only the text of the link is
	// shown. It is not called for web addresses.
	Link func(destination string) string
	// Image returns the address of an image in the artifact. If it returns "" or is nil, the text of the image is shown.
	Image func(destination string) string
}

const (
	// maxDepth limits the nesting of blocks: browsers are slow to lay out deeply nested ones.
	maxDepth = 24
	// maxAhead limits the sections that are searched for that of a heading.
	maxAhead = 8
	// levelShift is added to the level of each heading: the page has a heading above the document.
	levelShift = 1
)

// Render renders a document as HTML. If the document is too complex to be parsed, its source is shown instead.
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
	r.writeBlocks(root, 0)
	return template.HTML(r.String())
}

// renderer renders one document.
type renderer struct {
	strings.Builder
	source []byte
	links  Links

	sections []markdown.Section // after the last heading that was written
}

func escape(s string) string { return template.HTMLEscapeString(untrusted.Ordered(s)) }

// writeText writes text from the document.
func (r *renderer) writeText(s string) { r.WriteString(escape(s)) }

// writeElement writes an element around content. The tag may have attributes.
func (r *renderer) writeElement(tag string, content func()) {
	r.WriteString("<" + tag + ">")
	content()
	name, _, _ := strings.Cut(tag, " ")
	r.WriteString("</" + name + ">")
}

// writeBlocks writes the blocks in a container.
func (r *renderer) writeBlocks(parent ast.Node, depth int) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		r.writeBlock(n, depth)
	}
}

func (r *renderer) writeBlock(n ast.Node, depth int) {
	inner := func() { r.writeBlocks(n, depth+1) }
	if depth > maxDepth && n.Type() == ast.TypeBlock {
		if n.FirstChild() != nil && n.FirstChild().Type() == ast.TypeInline {
			inner = func() { r.writeInline(n) }
		}
		inner()
		return
	}
	switch n := n.(type) {
	case *ast.Heading:
		r.writeHeading(n)
	case *ast.Paragraph:
		r.writeElement("p", func() { r.writeInline(n) })
	case *ast.TextBlock:
		r.writeInline(n)
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		r.writeElement(`pre tabindex="0"`, func() { r.writeElement("code", func() { r.writeLines(n) }) })
	case *ast.Blockquote:
		r.writeElement("blockquote", func() {
			if title, ok := markup.AlertTitle(n); ok {
				r.writeElement(`p class="alert"`, func() { r.writeText(title) })
			}
			inner()
		})
	case *ast.List:
		r.writeList(n, inner)
	case *ast.ListItem:
		r.writeElement("li", inner)
	case *ast.ThematicBreak:
		r.WriteString("<hr>")
	case *ast.HTMLBlock:
		r.writeHTML(n)
	case *markup.Table:
		r.writeTable(n)
	default:
		inner()
	}
	r.WriteByte('\n')
}

// writeHeading writes a heading, with the anchor of its section as its id.
func (r *renderer) writeHeading(n *ast.Heading) {
	name := "h" + strconv.Itoa(min(6, n.Level+levelShift))
	tag := name
	lines := n.Lines()
	text := ""
	if lines.Len() > 0 {
		at := lines.At(0)
		text = strings.TrimSpace(string(at.Value(r.source)))
	}
	ahead := r.sections[:min(len(r.sections), maxAhead)] // the two parsers may disagree about a few headings
	if i := slices.IndexFunc(ahead, func(s markdown.Section) bool { return s.Heading.Text == text }); i >= 0 {
		tag += ` id="` + escape(AnchorPrefix+r.sections[i].Anchor) + `"`
		r.sections = r.sections[i+1:]
	}
	r.WriteString("<" + tag + ">")
	r.writeInline(n)
	r.WriteString("</" + name + ">")
}

// AnchorPrefix is the prefix of the id of each heading, so that it differs from the ids of the page.
const AnchorPrefix = "doc-"

func (r *renderer) writeList(n *ast.List, inner func()) {
	switch {
	case !n.IsOrdered():
		r.writeElement("ul", inner)
	case n.Start == 1:
		r.writeElement("ol", inner)
	default:
		r.writeElement(`ol start="`+strconv.Itoa(n.Start)+`"`, inner)
	}
}

// writeLines writes the lines of a block unchanged.
func (r *renderer) writeLines(n ast.Node) {
	lines := n.Lines()
	for i := range lines.Len() {
		at := lines.At(i)
		r.writeText(string(at.Value(r.source)))
	}
}

// writeHTML writes the text in a block of HTML.
func (r *renderer) writeHTML(n *ast.HTMLBlock) {
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
			r.writeElement("p", func() { r.writeText(l) })
		}
	}
}

// writeTable writes a table; its first row is the head.
func (r *renderer) writeTable(t *markup.Table) {
	r.WriteString(`<div class="wide" role="group" aria-label="Table" tabindex="0"><table>`)
	cell := t.FirstChild()
	for row := 0; cell != nil; row++ {
		r.writeElement("tr", func() {
			for column := 0; column < len(t.Columns) && cell != nil; column++ {
				tag := "td"
				if row == 0 {
					tag = `th scope="col"`
				}
				if t.Columns[column] == markup.Right {
					tag += ` class="number"`
				}
				r.writeElement(tag, func() { r.writeInline(cell) })
				cell = cell.NextSibling()
			}
		})
	}
	r.WriteString("</table></div>")
}
