package markdown

import (
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/term"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// maxColumns bounds a table; what looks like a wider one is a paragraph.
const maxColumns = 64

var kindTable = ast.NewNodeKind("Table")

// tableNode is a table of GitHub Flavored Markdown. Its children are the cells, row by row: each row has as many as
// there are columns. goldmark's own extension for tables is not used: it brings regular expressions that are compiled
// whenever the program starts.
type tableNode struct {
	ast.BaseBlock
	columns []alignment
}

// Kind is that of the node.
func (t *tableNode) Kind() ast.NodeKind { return kindTable }

// Dump prints the node, as goldmark wants it.
func (t *tableNode) Dump(source []byte, level int) { ast.DumpHelper(t, source, level, nil, nil) }

type alignment int

const (
	left alignment = iota
	right
	center
)

// tables turns paragraphs into tables.
type tables struct{}

// Transform looks for a line of dashes below a line with as many cells.
func (tables) Transform(p *ast.Paragraph, reader text.Reader, _ parser.Context) {
	source, lines := reader.Source(), p.Lines()
	for i := 1; i < lines.Len(); i++ {
		at := lines.At(i)
		columns := delimiters(string(at.Value(source)))
		if columns == nil {
			continue
		}
		if len(cells(lines.At(i-1), source)) != len(columns) {
			return
		}
		t := &tableNode{columns: columns}
		for j := i - 1; j < lines.Len(); j++ {
			if j != i {
				t.row(cells(lines.At(j), source))
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

func (t *tableNode) row(cells []text.Segment) {
	for i := range t.columns {
		cell := ast.NewTextBlock()
		if i < len(cells) && cells[i].Len() > 0 {
			cell.Lines().Append(cells[i])
		}
		t.AppendChild(t, cell)
	}
}

// delimiters parses the line below the head of a table; it returns nil for any other line.
func delimiters(l string) []alignment {
	l = strings.TrimSpace(l)
	if !strings.Contains(l, "-") || !strings.ContainsAny(l, "|:") || strings.Trim(l, "|-: \t") != "" {
		return nil
	}
	parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(l, "|"), "|"), "|")
	if len(parts) > maxColumns {
		return nil
	}
	columns := make([]alignment, len(parts))
	for i, part := range parts {
		part = strings.TrimSpace(part)
		dashes := strings.TrimSuffix(strings.TrimPrefix(part, ":"), ":")
		if dashes == "" || strings.Trim(dashes, "-") != "" {
			return nil
		}
		switch first, last := part[0] == ':', part[len(part)-1] == ':'; {
		case first && last:
			columns[i] = center
		case last:
			columns[i] = right
		}
	}
	return columns
}

// cells cuts a line at its pipes.
func cells(line text.Segment, source []byte) []text.Segment {
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

// minColumn is how narrow a column becomes before its table is shown as a list.
const minColumn = 8

// table lays a table out in columns. Where they don't fit beside one another, long cells are wrapped; where that does
// not do, each row becomes a list of its cells.
func (r *renderer) table(t *tableNode, columns int) []string {
	r.inCell = true
	defer func() { r.inCell = false }()
	var rows [][][]span
	for cell := t.FirstChild(); cell != nil; {
		row := make([][]span, len(t.columns))
		for i := range row {
			var s style
			if len(rows) == 0 {
				s = bold
			}
			row[i] = r.inline(cell, s)
			cell = cell.NextSibling()
		}
		rows = append(rows, row)
	}
	widths := naturalWidths(rows, len(t.columns))
	if !fit(widths, columns-2*(len(widths)-1)) {
		return r.tableAsList(rows, columns)
	}
	var out []string
	for i, row := range rows {
		out = append(out, r.tableRow(row, widths, t.columns)...)
		if i == 0 {
			out = append(out, r.tableRule(widths))
		}
	}
	return out
}

func naturalWidths(rows [][][]span, n int) []int {
	widths := make([]int, n)
	for _, row := range rows {
		for i, cell := range row {
			at := 0
			for _, s := range cell {
				if at += term.Width(s.text); s.br {
					at = 0
				}
				widths[i] = max(widths[i], at)
			}
		}
	}
	return widths
}

// fit narrows the widest columns until all have room. False: there is too little.
func fit(widths []int, room int) bool {
	total := 0
	for _, w := range widths {
		total += w
	}
	for total > room {
		widest := slices.Index(widths, slices.Max(widths))
		if widths[widest] <= minColumn {
			return false
		}
		// Down to the next narrower column, or as far as is needed.
		next := minColumn
		for _, w := range widths {
			if w < widths[widest] {
				next = max(next, w)
			}
		}
		cut := max(1, min(widths[widest]-next, total-room))
		if ties := count(widths, widths[widest]); ties > 1 {
			cut = max(1, min(cut, (total-room)/ties))
		}
		widths[widest] -= cut
		total -= cut
	}
	return true
}

func count(list []int, value int) int {
	n := 0
	for _, v := range list {
		if v == value {
			n++
		}
	}
	return n
}

func (r *renderer) tableRow(row [][]span, widths []int, columns []alignment) []string {
	cells := make([][]line, len(row))
	height := 1
	for i, spans := range row {
		cells[i] = r.wrap(spans, max(1, widths[i]), true)
		height = max(height, len(cells[i]))
	}
	out := make([]string, height)
	for y := range out {
		parts := make([]string, len(cells))
		for i, cell := range cells {
			var l line
			if y < len(cell) {
				l = cell[y]
			}
			room, before := max(0, widths[i]-l.width), 0
			switch columns[i] {
			case right:
				before = room
			case center:
				before = room / 2
			}
			parts[i] = strings.Repeat(" ", before) + l.text + strings.Repeat(" ", room-before)
		}
		out[y] = strings.Join(parts, "  ")
	}
	return out
}

func (r *renderer) tableRule(widths []int) string {
	parts := make([]string, len(widths))
	for i, w := range widths {
		parts[i] = strings.Repeat("─", w)
	}
	return r.paint(strings.Join(parts, "  "), dim)
}

// tableAsList shows each row as lines of a head and a cell.
func (r *renderer) tableAsList(rows [][][]span, columns int) []string {
	var out []string
	for i, row := range rows[1:] {
		if i > 0 {
			out = append(out, "")
		}
		for j, cell := range row {
			if len(cell) == 0 {
				continue
			}
			spans := append(slices.Clone(rows[0][j]), span{text: ": ", style: bold})
			out = append(out, hang(r.wrap(append(spans, cell...), columns-2, false), "", "  ")...)
		}
	}
	return out
}
