package markup

import (
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// Strike is deleted text of GitHub Flavored Markdown: ~~text~~ or ~text~. Strike replaces the extension of goldmark, whose package
// compiles regular expressions whenever the program starts.
type Strike struct{ ast.BaseInline }

var kindStrike = ast.NewNodeKind("Strike")

// Kind implements ast.Node.
func (*Strike) Kind() ast.NodeKind { return kindStrike }

// Dump implements ast.Node.
func (n *Strike) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// tildes is an inline parser and delimiter processor for runs of one or two tildes.
type tildes struct{}

// IsDelimiter implements parser.DelimiterProcessor.
func (tildes) IsDelimiter(b byte) bool { return b == '~' }

// CanOpenCloser implements parser.DelimiterProcessor. Two runs match if they have the same length.
func (tildes) CanOpenCloser(opener, closer *parser.Delimiter) bool {
	return opener.Char == closer.Char && opener.OriginalLength == closer.OriginalLength
}

// OnMatch implements parser.DelimiterProcessor.
func (tildes) OnMatch(int) ast.Node { return &Strike{} }

// Trigger implements parser.InlineParser.
func (tildes) Trigger() []byte { return []byte{'~'} }

// Parse implements parser.InlineParser. It treats a run of more than two tildes as text.
func (t tildes) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	before := block.PrecendingCharacter()
	line, segment := block.PeekLine()
	run := parser.ScanDelimiter(line, before, 1, t)
	if run == nil || run.OriginalLength > 2 || before == '~' {
		return nil
	}
	run.Segment = segment.WithStop(segment.Start + run.OriginalLength)
	block.Advance(run.OriginalLength)
	pc.PushDelimiter(run)
	return run
}
