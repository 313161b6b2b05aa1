package term

import (
	"bufio"
	"io"
	"strings"
)

// Table prints rows in columns, each as wide as its widest cell. Cells are escaped when they are added.
type Table struct{ rows [][]string }

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
	b := bufio.NewWriter(w)
	for _, line := range t.Lines() {
		b.WriteString(line + "\n")
	}
	return b.Flush()
}

// Lines returns the rows as lines of text, without trailing spaces.
func (t *Table) Lines() []string {
	lines := make([]string, len(t.rows))
	for i, cells := range t.padded() {
		lines[i] = strings.TrimRight(strings.Join(cells, ""), " ")
	}
	return lines
}

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
				rows[i] = append(rows[i], cell+strings.Repeat(" ", widths[j]-Width(cell)+2))
			}
		}
	}
	return rows
}
