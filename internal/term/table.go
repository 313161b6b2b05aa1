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

// Header sets the names of the columns, which are printed only on a screen.
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
	var rows []gridRow
	if screen.hasWidth() && t.header != nil && len(t.rows) > 0 {
		styles := make([]Style, len(t.header))
		for i := range styles {
			styles[i] = Strong
		}
		rows = append(rows, gridRow{cells: t.header, styles: styles})
	}
	for _, row := range t.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = screen.cellText(cell); len(row) == 2 && i == 1 && t.fits(screen, cell) {
				cells[i] = cell // users copy the digest of a result
			}
		}
		rows = append(rows, gridRow{cells: cells, styles: t.styles})
	}
	for i, row := range rows {
		first := strings.Join(row.cells[:min(1, len(row.cells))], "")
		rows[i].rest = strings.Repeat(" ", len(first)-len(strings.TrimLeft(first, " "))+indent)
	}
	b := bufio.NewWriter(w)
	g := newGrid(screen, rows)
	for _, row := range rows {
		for _, line := range g.lay(row).lines {
			b.WriteString(line + "\n")
		}
	}
	return b.Flush()
}

// WriteLine prints a line of text. On a screen, the line is wrapped between words.
func WriteLine(w io.Writer, text string) error {
	var t Table
	t.Row(text)
	return t.WriteText(w)
}

// indent is the indentation of the lines of a row below its first one.
const indent = 4

// fits reports whether a cell in the second column fits on a screen.
func (t *Table) fits(screen *Screen, cell string) bool {
	first := 0
	for _, row := range t.rows {
		first = max(first, Width(row[0]))
	}
	return screen.hasWidth() && first+2+Width(cell) <= screen.Width
}
