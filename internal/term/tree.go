package term

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Tree is a line of cells with lines below it. The cells of siblings form columns. Cells are escaped when written.
type Tree struct {
	cells    []string
	children []*Tree
	style    Style // of the first cell
}

// Strong makes the first word of the line strong, and returns the line.
func (t *Tree) Strong() *Tree {
	t.style = Strong
	return t
}

// NewTree returns a tree with one line.
func NewTree(cells ...string) *Tree { return &Tree{cells: cells} }

// Add adds a line below t and returns it.
func (t *Tree) Add(cells ...string) *Tree {
	child := NewTree(cells...)
	t.Attach(child)
	return child
}

// Attach adds a whole tree below t.
func (t *Tree) Attach(child *Tree) { t.children = append(t.children, child) }

// Len returns the number of lines directly below t.
func (t *Tree) Len() int { return len(t.children) }

// WriteText draws the tree with its branches. On a Screen that is too narrow for a line, the cells that do not fit go
// below it, broken only at spaces. If even that is too wide, the branches are short.
func (t *Tree) WriteText(w io.Writer) error {
	d := &drawing{branches: longBranches}
	if screen, ok := w.(*Screen); ok {
		d.width, d.screen = screen.Width, screen
	}
	if d.width > 0 && d.minWidth(t, 0) > d.width {
		d.branches = shortBranches
	}
	d.lines([]*Tree{t}, func(int) (string, string) { return "", "" })
	_, err := io.WriteString(w, d.String())
	return err
}

// branches are the prefixes of the last sibling and of the others, and of the lines below them.
type branches struct{ last, belowLast, other, belowOther string }

var (
	longBranches  = branches{"└── ", "    ", "├── ", "│   "}
	shortBranches = branches{"└ ", "  ", "├ ", "│ "}
)

// minWidth returns the width that the longest word in the tree needs with long branches. depth is that of the line.
func (d *drawing) minWidth(t *Tree, depth int) int {
	most := 0
	for i, cell := range t.cells {
		before := depth * Width(longBranches.other)
		if i > 0 && len(t.children) > 0 {
			before += Width(ownBranch)
		}
		for _, word := range strings.Fields(Escape(d.screen.cell(cell))) {
			most = max(most, before+Width(word))
		}
	}
	for _, child := range t.children {
		most = max(most, d.minWidth(child, depth+1))
	}
	return most
}

// ownBranch leads from a line that continues below itself to its children.
const ownBranch = "│ "

// drawing is the state of drawing a tree.
type drawing struct {
	strings.Builder
	width    int // 0 if unlimited
	screen   *Screen
	branches branches
}

// lines draws siblings and the lines below them; indents returns the prefix of a line, and that of those below it. Siblings that do
// not fit on the screen are broken before the same cells, so that they still form columns.
func (d *drawing) lines(siblings []*Tree, indents func(i int) (string, string)) {
	all := d.columns(siblings)
	var breaks [2][]bool
	for group := range breaks {
		breaks[group] = d.breaks(siblings, all, group, indents)
	}
	for i, padded := range all {
		before, below := indents(i)
		if len(padded) == 2 && !d.fits(before+padded[0]+padded[1]) {
			padded[0] = strings.TrimRight(padded[0], " ") + "  "
		}
		for j, cell := range padded {
			style := Plain
			if j == 0 {
				style = siblings[i].style
			}
			padded[j] = d.screen.paint(cell, style)
		}
		children := siblings[i].children
		rest := below
		if len(children) > 0 {
			rest = below + ownBranch
		}
		d.line(before, rest, padded, breaks[siblings[i].group()])
		d.lines(children, func(j int) (string, string) {
			if j == len(children)-1 {
				return below + d.branches.last, below + d.branches.belowLast
			}
			return below + d.branches.other, below + d.branches.belowOther
		})
	}
}

// breaks returns before which cells the lines of a group of siblings are broken.
func (d *drawing) breaks(siblings []*Tree, all [][]string, group int, indents func(i int) (string, string)) []bool {
	var widths []int
	first, rest := 0, 0
	for i, line := range siblings {
		if line.group() != group {
			continue
		}
		before, below := indents(i)
		first, rest = max(first, Width(before)), max(rest, Width(below))
		if len(line.children) > 0 {
			rest = max(rest, Width(below+ownBranch))
		}
		for j, cell := range all[i] {
			if j == len(widths) {
				widths = append(widths, 0)
			}
			widths[j] = max(widths[j], Width(cell))
		}
	}
	breaks := make([]bool, len(widths))
	if len(widths) < 3 || d.width <= 0 { // a name and a value: nothing follows that has to align
		return breaks
	}
	column, room := first, d.width+gap
	for j, width := range widths {
		if j > 0 && column+width > room && (rest+width <= room || column >= room) {
			breaks[j], column = true, rest
		}
		if column += width; column > room {
			column = room // the text is wrapped: nothing follows it
		}
	}
	return breaks
}

// columns returns the cells of siblings, padded to columns. Strong lines have columns of their own: they are about something else.
func (d *drawing) columns(siblings []*Tree) [][]string {
	var groups [2]Table
	for _, line := range siblings {
		row := make([]string, len(line.cells))
		for i, cell := range line.cells {
			if row[i] = d.screen.cell(cell); cell == "-" && d.width > 0 {
				row[i] = "" // it keeps the place of a cell for scripts
			}
		}
		groups[line.group()].Row(row...)
	}
	padded := [2][][]string{groups[0].padded(), groups[1].padded()}
	all := make([][]string, len(siblings))
	for i, line := range siblings {
		rest := &padded[line.group()]
		all[i], *rest = (*rest)[0], (*rest)[1:]
	}
	return all
}

// group returns the group of a line among its siblings.
func (t *Tree) group() int {
	if t.style == Strong {
		return 1
	}
	return 0
}

// line draws one line; the cells after a break go to the next lines, which begin with rest.
func (d *drawing) line(before, rest string, cells []string, breaks []bool) {
	text := d.screen.paint(before, Dim)
	for i, cell := range cells {
		if i > 0 && (breaks[i] || !d.fits(text+cell)) {
			if strings.TrimRight(text, " ") != strings.TrimRight(rest, " ") {
				d.WriteString(strings.TrimRight(text, " ") + "\n")
			}
			text = rest
		}
		text = d.wrap(text+cell, rest)
	}
	if strings.TrimSpace(strings.TrimPrefix(text, rest)) != "" {
		d.WriteString(strings.TrimRight(text, " ") + "\n")
	}
}

func (d *drawing) fits(text string) bool {
	return d.width <= 0 || Width(strings.TrimRight(text, " ")) <= d.width
}

// wrap draws text up to a space while it does not fit, and returns the remainder, which begins with rest.
func (d *drawing) wrap(text, rest string) string {
	for !d.fits(text) {
		at := lastSpace(text, Width(rest), d.width)
		head := strings.TrimRight(text[:at], " ")
		if Width(head) <= Width(rest) {
			return text // a long word
		}
		d.WriteString(head + "\n")
		text = rest + strings.TrimLeft(text[at:], " ")
	}
	return text
}

// lastSpace returns the index of the last space of text that is after column from and not after column to, or 0.
func lastSpace(text string, from, to int) int {
	at, column := 0, 0
	for i := 0; i < len(text); {
		if skip := sequence(text[i:]); skip > 0 {
			i += skip
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if column > to {
			break
		}
		if r == ' ' && column > from {
			at = i
		}
		column += RuneWidth(r)
		i += size
	}
	return at
}
