package term

import (
	"bufio"
	"io"
	"strings"
)

// Table prints rows in columns, each as wide as its widest cell. Cells are escaped when they are added.
type Table struct {
	rows   [][]string
	header []string
	styles []Style
}

// Header sets the names of the columns, which only people at a screen get.
func (t *Table) Header(names ...string) { t.header = names }

// Style sets the styles of the columns.
func (t *Table) Style(styles ...Style) { t.styles = styles }

// Row adds a row.
func (t *Table) Row(cells ...string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = Escape(cell)
	}
	t.rows = append(t.rows, row)
}

// Field adds a row with a name and a value, unless the value is empty.
func (t *Table) Field(name, value string) {
	if value != "" {
		t.Row(name, value)
	}
}

// WriteText prints the table.
func (t *Table) WriteText(w io.Writer) error {
	screen, _ := w.(*Screen)
	shown := &Table{styles: t.styles}
	if screen.isNarrow() && t.header != nil && len(t.rows) > 0 {
		shown.rows = append(shown.rows, t.header)
	}
	for _, row := range t.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = screen.cell(cell); len(row) == 2 && i == 1 && t.fits(screen, cell) {
				cells[i] = cell // the digest of a result is there to be copied
			}
		}
		shown.rows = append(shown.rows, cells)
	}
	b := bufio.NewWriter(w)
	for i, cells := range shown.padded() {
		isHeader := len(shown.rows) > len(t.rows) && i == 0
		for j, cell := range cells {
			style := Plain
			switch {
			case isHeader:
				style = Strong
			case j < len(t.styles):
				style = t.styles[j]
			}
			cells[j] = screen.paint(cell, style)
		}
		b.WriteString(screen.hang(strings.TrimRight(strings.Join(cells, ""), " "), Width(strings.Join(cells[:max(0, len(cells)-1)], ""))) + "\n")
	}
	return b.Flush()
}

// fits reports whether a cell in the second column is not too wide for a screen.
func (t *Table) fits(screen *Screen, cell string) bool {
	first := 0
	for _, row := range t.rows {
		first = max(first, Width(row[0]))
	}
	return screen.isNarrow() && first+2+Width(cell) <= screen.Width
}

// leastText is how many columns text needs to be broken into lines: with fewer, the terminal breaks it no worse.
const leastText = 20

// hang breaks the text that begins at a column of a line that does not fit, at spaces, and lets its other lines begin there, too.
func (s *Screen) hang(line string, column int) string {
	if !s.isNarrow() || s.Width-column < leastText {
		return line
	}
	var b strings.Builder
	indent := strings.Repeat(" ", column)
	for Width(line) > s.Width {
		at := lastSpace(line, column, s.Width)
		if at == 0 {
			break // a long word
		}
		b.WriteString(strings.TrimRight(line[:at], " ") + "\n")
		line = indent + strings.TrimLeft(line[at:], " ")
	}
	return b.String() + line
}

// gap is the number of columns between cells.
const gap = 2

// padded returns the rows with each cell padded to the width of its column. A column that is empty in every row is dropped.
func (t *Table) padded() [][]string {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Width(cell))
		}
	}
	rows := make([][]string, len(t.rows))
	for i, row := range t.rows {
		for j, cell := range row {
			if widths[j] > 0 {
				rows[i] = append(rows[i], cell+strings.Repeat(" ", widths[j]-Width(cell)+gap))
			}
		}
	}
	return rows
}
