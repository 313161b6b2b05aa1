package term

import (
	"io"
	"strings"
)

// Tree is a line of cells with lines below it. The cells of siblings form columns. Cells are escaped when written.
type Tree struct {
	cells    []string
	children []*Tree
	style    Style // of the first cell
}

// Strong makes the first cell of the line strong, and returns t.
func (t *Tree) Strong() *Tree {
	t.style = Strong
	return t
}

// NewTree returns a tree with one line.
func NewTree(cells ...string) *Tree { return &Tree{cells: cells} }

// Add adds a line below t and returns it. Inlined, it would add 7 KB to the program.
//
//go:noinline
func (t *Tree) Add(cells ...string) *Tree {
	child := NewTree(cells...)
	t.Attach(child)
	return child
}

// Attach adds a tree below t.
func (t *Tree) Attach(child *Tree) { t.children = append(t.children, child) }

// Len returns the number of lines directly below t.
func (t *Tree) Len() int { return len(t.children) }

// WriteText draws the tree with its branches. On a Screen that is too narrow for a line, the cells that do not fit go
// below it, broken only at spaces. If a word is too wide even there, the branches are short.
func (t *Tree) WriteText(w io.Writer) error {
	d := &drawing{branches: longBranches}
	if screen, ok := w.(*Screen); ok {
		d.width, d.screen = screen.Width, screen
	}
	if d.width > 0 && d.minWidth(t, 0) > d.width {
		d.branches = shortBranches
	}
	d.draw([]*Tree{t}, func(int) (string, string) { return "", "" })
	_, err := io.WriteString(w, d.String())
	return err
}

// branches are the prefixes of the last sibling and of the others, and of the lines below them.
type branches struct{ last, belowLast, other, belowOther string }

var (
	longBranches  = branches{"└── ", "    ", "├── ", "│   "}
	shortBranches = branches{"└ ", "  ", "├ ", "│ "}
)

// minWidth returns the width that the longest word in the tree needs with long branches. depth is the depth of t.
func (d *drawing) minWidth(t *Tree, depth int) int {
	most := 0
	for i, cell := range t.cells {
		before := depth * Width(longBranches.other)
		if i > 0 && len(t.children) > 0 {
			before += Width(ownBranch)
		}
		for _, word := range strings.Fields(Escape(d.screen.cellText(cell))) {
			most = max(most, before+Width(word))
		}
	}
	for _, child := range t.children {
		most = max(most, d.minWidth(child, depth+1))
	}
	return most
}

// ownBranch is drawn below a wrapped line, down to its children.
const ownBranch = "│ "

// drawing is the state of drawing a tree.
type drawing struct {
	strings.Builder
	width    int // 0 if unlimited
	screen   *Screen
	branches branches
}

// draw draws siblings and the lines below them. indents returns the prefixes of the first line of a sibling, and of the lines below
// it. Strong lines have separate columns, because their cells have other meanings.
func (d *drawing) draw(siblings []*Tree, indents func(i int) (string, string)) {
	var rows [2][]gridRow
	for i, line := range siblings {
		before, rest := indents(i)
		if len(line.children) > 0 {
			rest += ownBranch
		}
		cells := make([]string, len(line.cells))
		for j, cell := range line.cells {
			if cells[j] = Escape(d.screen.cellText(cell)); cell == "-" && d.width > 0 {
				cells[j] = "" // "-" is a placeholder, only needed by scripts
			}
		}
		group := line.group()
		rows[group] = append(rows[group], gridRow{before, rest, cells, []Style{line.style}})
	}
	grids := [2]*grid{newGrid(d.screen, rows[0]), newGrid(d.screen, rows[1])}
	for i, line := range siblings {
		group := line.group()
		row := rows[group][0]
		rows[group] = rows[group][1:]
		for _, text := range grids[group].lay(row).lines {
			d.WriteString(text + "\n")
		}
		_, below := indents(i)
		d.draw(line.children, func(j int) (string, string) {
			if j == len(line.children)-1 {
				return below + d.branches.last, below + d.branches.belowLast
			}
			return below + d.branches.other, below + d.branches.belowOther
		})
	}
}

// group returns 1 for a strong line and 0 for any other. Each group has its own columns.
func (t *Tree) group() int {
	if t.style == Strong {
		return 1
	}
	return 0
}
