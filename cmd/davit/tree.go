package main

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"
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

// columned is a writer that leads to a screen, with its width.
type columned interface{ columns() int }

// WriteText draws the tree with its branches. On a screen that is too narrow for a line, the cells that do not fit stand
// below it, each of them whole.
func (t *tree) WriteText(w io.Writer) error {
	d := &drawing{}
	if screen, ok := w.(columned); ok {
		d.width = screen.columns()
	}
	d.lines([]*tree{t}, func(int) (string, string) { return "", "" })
	_, err := io.WriteString(w, d.String())
	return err
}

// drawing is a tree that is being drawn.
type drawing struct {
	strings.Builder
	width int // 0: any
}

// lines draws siblings and what is below them; indents gives what stands before a line, and before those below it.
func (d *drawing) lines(siblings []*tree, indents func(i int) (string, string)) {
	var cells table
	for _, line := range siblings {
		cells.row(slices.Clone(line.cells)...)
	}
	for i, padded := range cells.padded() {
		before, below := indents(i)
		children := siblings[i].children
		rest := below
		if len(children) > 0 {
			rest = below + "│ "
		}
		d.line(before, rest, padded)
		d.lines(children, func(j int) (string, string) {
			if j == len(children)-1 {
				return below + "└── ", below + "    "
			}
			return below + "├── ", below + "│   "
		})
	}
}

// line draws one line; what does not fit goes on behind rest.
func (d *drawing) line(before, rest string, cells []string) {
	text := before
	for i, cell := range cells {
		next := text + cell
		if i > 0 && d.width > 0 && utf8.RuneCountInString(strings.TrimRight(next, " ")) > d.width {
			d.WriteString(strings.TrimRight(text, " ") + "\n")
			next = rest + cell
		}
		text = next
	}
	d.WriteString(strings.TrimRight(text, " ") + "\n")
}
