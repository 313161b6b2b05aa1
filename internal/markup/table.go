package markup

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// maxColumns bounds the columns of a table. A wider table is parsed as a paragraph.
const maxColumns = 64

var kindTable = ast.NewNodeKind("Table")

// Table is a GitHub Flavored Markdown table. Its children are the cells, row by row, with a cell for each column. Table replaces
// the extension of goldmark, which compiles regular expressions whenever the program starts.
type Table struct {
	ast.BaseBlock
	Columns []Alignment // one for each column
}

// Kind implements ast.Node.
func (t *Table) Kind() ast.NodeKind { return kindTable }

// Dump implements ast.Node.
func (t *Table) Dump(source []byte, level int) { ast.DumpHelper(t, source, level, nil, nil) }

// Alignment is the alignment of the cells in a column.
type Alignment int

// The alignments.
const (
	Left Alignment = iota
	Right
	Center
)

// tables is a paragraph transformer that recognizes tables.
type tables struct{}

// Transform implements parser.ParagraphTransformer. A table begins with a line of cells, above a delimiter line with the same number
// of cells.
func (tables) Transform(p *ast.Paragraph, reader text.Reader, _ parser.Context) {
	source, lines := reader.Source(), p.Lines()
	for i := 1; i < lines.Len(); i++ {
		at := lines.At(i)
		columns := parseDelimiters(string(at.Value(source)))
		if columns == nil {
			continue
		}
		if len(splitCells(lines.At(i-1), source)) != len(columns) {
			return
		}
		t := &Table{Columns: columns}
		for j := i - 1; j < lines.Len(); j++ {
			if j != i {
				t.addRow(splitCells(lines.At(j), source))
			}
		}
		p.Parent().InsertAfter(p.Parent(), p, t)
		lines.SetSliced(0, i-1)
		if lines.Len() == 0 {
			p.Parent().RemoveChild(p.Parent(), p)
		} else {
			last := lines.At(i - 2)
			lines.Set(i-2, last.TrimRightSpace(source))
		}
		return
	}
}

// addRow appends a row. It pads a short row with empty cells, and ignores excess cells.
func (t *Table) addRow(cells []text.Segment) {
	for i := range t.Columns {
		cell := ast.NewTextBlock()
		if i < len(cells) && cells[i].Len() > 0 {
			cell.Lines().Append(cells[i])
		}
		t.AppendChild(t, cell)
	}
}

// parseDelimiters parses the delimiter line below the header of a table. It returns nil for any other line.
func parseDelimiters(l string) []Alignment {
	l = strings.TrimSpace(l)
	if !strings.Contains(l, "-") || !strings.ContainsAny(l, "|:") || strings.Trim(l, "|-: \t") != "" {
		return nil
	}
	parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(l, "|"), "|"), "|")
	if len(parts) > maxColumns {
		return nil
	}
	columns := make([]Alignment, len(parts))
	for i, part := range parts {
		part = strings.TrimSpace(part)
		dashes := strings.TrimSuffix(strings.TrimPrefix(part, ":"), ":")
		if dashes == "" || strings.Trim(dashes, "-") != "" {
			return nil
		}
		switch first, last := part[0] == ':', part[len(part)-1] == ':'; {
		case first && last:
			columns[i] = Center
		case last:
			columns[i] = Right
		}
	}
	return columns
}

// splitCells splits a line at its pipes and trims the cells.
func splitCells(line text.Segment, source []byte) []text.Segment {
	line = line.TrimLeftSpace(source)
	line = line.TrimRightSpace(source)
	line.Padding = 0
	if value := line.Value(source); len(value) > 0 && value[0] == '|' {
		line = line.WithStart(line.Start + 1)
	}
	var found []text.Segment
	value, begin := line.Value(source), 0
	add := func(end int) {
		s := text.NewSegment(line.Start+begin, line.Start+end)
		s = s.TrimLeftSpace(source)
		found = append(found, s.TrimRightSpace(source))
	}
	for i := 0; i < len(value) && len(found) <= maxColumns; i++ {
		switch value[i] {
		case '\\':
			i++
		case '|':
			add(i)
			begin = i + 1
		}
	}
	if begin < len(value) {
		add(len(value))
	}
	return found
}
