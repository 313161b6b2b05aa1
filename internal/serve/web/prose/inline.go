package prose

import (
	"net/url"
	"strings"

	"github.com/davit-oci/davit/internal/markup"
	"github.com/yuin/goldmark/ast"
)

// writeInline writes the inline content of a node.
func (r *renderer) writeInline(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			r.writeText(markup.Unescape(string(n.Value(r.source)), n.IsRaw()))
			switch {
			case n.HardLineBreak():
				r.WriteString("<br>")
			case n.SoftLineBreak():
				r.WriteByte('\n')
			}
		case *ast.String:
			r.writeText(string(n.Value))
		case *ast.CodeSpan:
			r.writeElement("code", func() { r.writeCodeSpan(n) })
		case *ast.Emphasis:
			tag := "em"
			if n.Level > 1 {
				tag = "strong"
			}
			r.writeElement(tag, func() { r.writeInline(n) })
		case *markup.Strike:
			r.writeElement("del", func() { r.writeInline(n) })
		case *ast.Link:
			r.writeLink(r.address(string(n.Destination)), func() { r.writeInline(n) })
		case *ast.AutoLink:
			r.writeLink(r.address(string(n.URL(r.source))), func() { r.writeText(string(n.Label(r.source))) })
		case *ast.Image:
			r.writeImage(n)
		case *ast.RawHTML:
			r.writeText(markup.TagText(string(n.Segments.Value(r.source))))
		default:
			r.writeInline(n)
		}
	}
}

func (r *renderer) writeCodeSpan(n *ast.CodeSpan) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			r.writeText(strings.ReplaceAll(string(t.Value(r.source)), "\n", " "))
		}
	}
}

func (r *renderer) writeLink(address string, content func()) {
	if address == "" {
		content()
		return
	}
	r.writeElement(`a href="`+escape(address)+`" rel="noopener noreferrer nofollow"`, content)
}

// address returns the target of a link: a heading of the document, another site, or the address from the caller. It returns "" for
// other kinds of addresses, such as scripts.
func (r *renderer) address(destination string) string {
	destination = markup.Unescape(destination, false)
	u, err := url.Parse(destination)
	switch {
	case err != nil:
		return ""
	case u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "mailto":
		return u.String()
	case u.Scheme != "" || u.Host != "" || u.Opaque != "":
		return ""
	case u.Path == "" && u.Fragment != "":
		return "#" + AnchorPrefix + url.PathEscape(u.Fragment)
	case r.links.Link != nil && u.Path != "":
		return r.links.Link(destination)
	}
	return ""
}

// writeImage shows an image of the artifact. For an image on another site, it writes only the text, so that nothing is loaded
// from there.
func (r *renderer) writeImage(n *ast.Image) {
	var alt strings.Builder
	collectText(&alt, n, r.source)
	address := ""
	destination := markup.Unescape(string(n.Destination), false)
	if u, err := url.Parse(destination); err == nil && u.Scheme == "" && u.Host == "" && u.Path != "" && r.links.Image != nil {
		address = r.links.Image(destination)
	}
	if address != "" {
		r.WriteString(`<img src="` + escape(address) + `" alt="` + escape(alt.String()) + `" loading="lazy">`)
		return
	}
	text := alt.String()
	if text == "" {
		text = destination[strings.LastIndexByte(destination, '/')+1:]
	}
	r.writeText("[image: " + text + "]")
}

// collectText appends the text below a node to b.
func collectText(b *strings.Builder, parent ast.Node, source []byte) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if t, ok := n.(*ast.Text); ok {
			b.WriteString(markup.Unescape(string(t.Value(source)), t.IsRaw()))
			continue
		}
		collectText(b, n, source)
	}
}
