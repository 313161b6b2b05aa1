package markup

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// alertTitle is the attribute in which a quote that is a GitHub alert has its title.
const alertTitle = "alert"

// titles are the titles of alerts, by their first line in lower case.
var titles = map[string]string{
	"[!note]": "Note", "[!tip]": "Tip", "[!important]": "Important", "[!warning]": "Warning", "[!caution]": "Caution",
}

// AlertTitle returns the title of a quote that is an alert, and whether it is one.
func AlertTitle(quote *ast.Blockquote) (string, bool) {
	title, ok := quote.AttributeString(alertTitle)
	name, _ := title.(string)
	return name, ok
}

// alerts is a paragraph transformer that recognizes alerts. It removes the first line and records the title in the quote.
type alerts struct{}

// Transform implements parser.ParagraphTransformer.
func (alerts) Transform(p *ast.Paragraph, reader text.Reader, _ parser.Context) {
	quote, ok := p.Parent().(*ast.Blockquote)
	if !ok || quote.FirstChild() != p || p.Lines().Len() == 0 {
		return
	}
	lines := p.Lines()
	first := lines.At(0)
	title, ok := titles[strings.ToLower(strings.TrimSpace(string(first.Value(reader.Source()))))]
	if !ok {
		return
	}
	quote.SetAttributeString(alertTitle, title)
	if lines.Len() > 1 {
		lines.SetSliced(1, lines.Len())
	} else {
		quote.RemoveChild(quote, p)
	}
}
