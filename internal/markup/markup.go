// Package markup parses untrusted Markdown into syntax trees: CommonMark with GitHub's tables, alerts, and deleted text. It
// bounds the time for parsing and the depth of the trees.
package markup

import (
	"html"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Parse parses a document whose lines end in "\n". It returns the root node and the source, to which the nodes refer. The root is
// nil if the document is too large or too complex to be parsed in reasonable time.
func Parse(document string) (root ast.Node, source []byte) {
	if !isParsable(document) {
		return nil, nil
	}
	source = []byte(document)
	return newParser().Parse(text.NewReader(source)), source
}

func newParser() parser.Parser {
	return parser.NewParser(
		parser.WithBlockParsers(parser.DefaultBlockParsers()...),
		parser.WithInlineParsers(append(parser.DefaultInlineParsers(), util.Prioritized(tildes{}, 500))...),
		parser.WithParagraphTransformers(append(parser.DefaultParagraphTransformers(),
			util.Prioritized(alerts{}, 50), util.Prioritized(tables{}, 200))...),
	)
}

// Unescape resolves backslash escapes and entities, unless raw is set.
func Unescape(text string, raw bool) string {
	if raw || !strings.ContainsAny(text, `\&`) {
		return text
	}
	var b strings.Builder
	for {
		at := strings.IndexByte(text, '\\')
		if at < 0 || at+1 == len(text) {
			b.WriteString(html.UnescapeString(text))
			return b.String()
		}
		b.WriteString(html.UnescapeString(text[:at]))
		if next := text[at+1]; next > ' ' && next < 0x7f && !isAlphanumeric(next) {
			b.WriteByte(next)
			text = text[at+2:]
		} else {
			b.WriteByte('\\')
			text = text[at+1:]
		}
	}
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
