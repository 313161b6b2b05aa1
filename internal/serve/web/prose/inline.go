package prose

import (
	"net/url"
	"strings"

	"github.com/davit-oci/davit/internal/markup"
	"github.com/yuin/goldmark/ast"
)

// inline writes the text of a block.
func (r *renderer) inline(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			r.text(markup.Unescape(string(n.Value(r.source)), n.IsRaw()))
			switch {
			case n.HardLineBreak():
				r.WriteString("<br>")
			case n.SoftLineBreak():
				r.WriteByte('\n')
			}
		case *ast.String:
			r.text(string(n.Value))
		case *ast.CodeSpan:
			r.in("code", func() { r.codeSpan(n) })
		case *ast.Emphasis:
			tag := "em"
			if n.Level > 1 {
				tag = "strong"
			}
			r.in(tag, func() { r.inline(n) })
		case *markup.Strike:
			r.in("del", func() { r.inline(n) })
		case *ast.Link:
			r.link(r.address(string(n.Destination)), func() { r.inline(n) })
		case *ast.AutoLink:
			r.link(r.address(string(n.URL(r.source))), func() { r.text(string(n.Label(r.source))) })
		case *ast.Image:
			r.image(n)
		case *ast.RawHTML:
			r.text(markup.TagText(string(n.Segments.Value(r.source))))
		default:
			r.inline(n)
		}
	}
}

func (r *renderer) codeSpan(n *ast.CodeSpan) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			r.text(strings.ReplaceAll(string(t.Value(r.source)), "\n", " "))
		}
	}
}

func (r *renderer) link(address string, content func()) {
	if address == "" {
		content()
		return
	}
	r.in(`a href="`+escape(address)+`" rel="noopener noreferrer nofollow"`, content)
}

// address returns the target of a link: a heading of the document, another site, or the address from the caller. Addresses of
// other kinds, such as scripts, lead nowhere.
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

// image shows an image of the artifact, or the text of another: nothing is loaded from other sites.
func (r *renderer) image(n *ast.Image) {
	var alt strings.Builder
	collect(&alt, n, r.source)
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
	r.text("[image: " + text + "]")
}

// collect adds the text below a node.
func collect(b *strings.Builder, parent ast.Node, source []byte) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if t, ok := n.(*ast.Text); ok {
			b.WriteString(markup.Unescape(string(t.Value(source)), t.IsRaw()))
			continue
		}
		collect(b, n, source)
	}
}
