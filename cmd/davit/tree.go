package main

import (
	"io"
	"slices"
	"strings"
)

// tree is a line of cells with lines below it. The cells of lines that stand below one another form columns. Every cell
// is escaped when it is written.
type tree struct {
	cells    []string
	children []*tree
}

// add puts a line below this one.
func (t *tree) add(cells ...string) *tree {
	child := &tree{cells: cells}
	t.children = append(t.children, child)
	return child
}

// WriteText draws the tree with its branches.
func (t *tree) WriteText(w io.Writer) error {
	var b strings.Builder
	drawLines(&b, []*tree{t}, func(int) (string, string) { return "", "" })
	_, err := io.WriteString(w, b.String())
	return err
}

// drawLines draws siblings and what is below them; indents gives what stands before a line, and before those below it.
func drawLines(b *strings.Builder, lines []*tree, indents func(i int) (string, string)) {
	var cells table
	for _, line := range lines {
		cells.row(slices.Clone(line.cells)...)
	}
	for i, text := range cells.lines() {
		before, below := indents(i)
		b.WriteString(before + text + "\n")
		children := lines[i].children
		drawLines(b, children, func(j int) (string, string) {
			if j == len(children)-1 {
				return below + "└── ", below + "    "
			}
			return below + "├── ", below + "│   "
		})
	}
}
