package markdown

import (
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/markup"
	"github.com/davit-oci/davit/internal/term"
)

// minColumn is how narrow a column becomes before its table is shown as a list.
const minColumn = 8

// table lays a table out in columns. Where they don't fit beside one another, long cells are wrapped; where that does
// not do, each row becomes a list of its cells.
func (r *renderer) table(t *markup.Table, columns int) []string {
	r.inCell = true
	defer func() { r.inCell = false }()
	var rows [][][]span
	for cell := t.FirstChild(); cell != nil; {
		row := make([][]span, len(t.Columns))
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
	widths := naturalWidths(rows, len(t.Columns))
	if !fit(widths, columns-2*(len(widths)-1)) {
		return r.tableAsList(rows, columns)
	}
	var out []string
	for i, row := range rows {
		out = append(out, r.tableRow(row, widths, t.Columns)...)
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
		// Down to the next narrower column, or by as much as is missing.
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

func (r *renderer) tableRow(row [][]span, widths []int, columns []markup.Alignment) []string {
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
			case markup.Right:
				before = room
			case markup.Center:
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
