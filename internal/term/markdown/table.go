package markdown

import (
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/markup"
	"github.com/davit-oci/davit/internal/term"
)

// minColumn is the minimum width of a column. A table that needs narrower ones is shown as a list.
const minColumn = 8

// table renders a table in columns. If the columns don't fit, long cells are wrapped; if that is not enough, each row becomes a
// list of its cells.
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
	widths, least := cellWidths(rows, len(t.Columns))
	if !fit(widths, least, columns-2*(len(widths)-1)) {
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

// cellWidths returns the widths of the columns, and their minimum widths, at which no word is cut.
func cellWidths(rows [][][]span, n int) (widths, least []int) {
	widths, least = make([]int, n), make([]int, n)
	for _, row := range rows {
		for i, cell := range row {
			var b strings.Builder
			for _, s := range cell {
				if b.WriteString(s.text); s.br {
					b.WriteByte('\n')
				}
			}
			for line := range strings.SplitSeq(b.String(), "\n") {
				widths[i] = max(widths[i], term.Width(line))
				for word := range strings.SplitSeq(line, " ") {
					least[i] = max(least[i], term.Width(word))
				}
			}
		}
	}
	for i := range least {
		least[i] = max(least[i], min(minColumn, widths[i]))
	}
	return widths, least
}

// fit narrows the widest columns, but not below the least widths, until all fit into room. It returns false if they can't.
func fit(widths, least []int, room int) bool {
	total, most := 0, room
	for i, w := range widths {
		widths[i] = min(w, max(room, least[i]))
		total, most = total+widths[i], most-least[i]
	}
	if most < 0 {
		return false
	}
	for ; total > room; total-- {
		widest := -1
		for i, w := range widths {
			if w > least[i] && (widest < 0 || w >= widths[widest]) {
				widest = i
			}
		}
		widths[widest]--
	}
	return true
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

// tableAsList renders each row as a list of its cells, each after the heading of its column.
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
