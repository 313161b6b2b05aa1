package markup

import (
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// Strike is deleted text, as GitHub writes it: ~~text~~ or ~text~. goldmark's own extension is in a package that compiles regular
// expressions at every start.
type Strike struct{ ast.BaseInline }

var kindStrike = ast.NewNodeKind("Strike")

// Kind returns the kind of the node.
func (*Strike) Kind() ast.NodeKind { return kindStrike }

// Dump prints the node. goldmark requires it.
func (n *Strike) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// tildes pairs runs of one or two tildes.
type tildes struct{}

// IsDelimiter reports whether a byte marks deleted text.
func (tildes) IsDelimiter(b byte) bool { return b == '~' }

// CanOpenCloser reports whether two runs of tildes belong together: those of the same length do.
func (tildes) CanOpenCloser(opener, closer *parser.Delimiter) bool {
	return opener.Char == closer.Char && opener.OriginalLength == closer.OriginalLength
}

// OnMatch returns the node for the text between two runs.
func (tildes) OnMatch(int) ast.Node { return &Strike{} }

// Trigger returns the byte that begins deleted text.
func (tildes) Trigger() []byte { return []byte{'~'} }

// Parse reads a run of tildes. More than two are text.
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
