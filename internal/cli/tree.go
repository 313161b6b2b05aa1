package cli

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
// below it, each of them whole but for where it has spaces. Where even that is too wide, the branches are short.
func (t *tree) WriteText(w io.Writer) error {
	d := &drawing{branches: longBranches}
	if screen, ok := w.(columned); ok {
		d.width = screen.columns()
	}
	if d.width > 0 && t.needs(0) > d.width {
		d.branches = shortBranches
	}
	d.lines([]*tree{t}, func(int) (string, string) { return "", "" })
	_, err := io.WriteString(w, d.String())
	return err
}

// branches are what stands before a line that is the last of its siblings, or not, and before those below it.
type branches struct{ last, belowLast, other, belowOther string }

var (
	longBranches  = branches{"└── ", "    ", "├── ", "│   "}
	shortBranches = branches{"└ ", "  ", "├ ", "│ "}
)

// needs is how wide a screen must be for the longest word in the tree, with long branches. depth is that of the line.
func (t *tree) needs(depth int) int {
	most := 0
	for i, cell := range t.cells {
		before := depth * utf8.RuneCountInString(longBranches.other)
		if i > 0 && len(t.children) > 0 {
			before += utf8.RuneCountInString(ownBranch)
		}
		for _, word := range strings.Fields(escape(cell)) {
			most = max(most, before+utf8.RuneCountInString(word))
		}
	}
	for _, child := range t.children {
		most = max(most, child.needs(depth+1))
	}
	return most
}

// ownBranch leads from a line that goes on below it to its children.
const ownBranch = "│ "

// drawing is a tree that is being drawn.
type drawing struct {
	strings.Builder
	width    int // 0: any
	branches branches
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
			rest = below + ownBranch
		}
		d.line(before, rest, padded)
		d.lines(children, func(j int) (string, string) {
			if j == len(children)-1 {
				return below + d.branches.last, below + d.branches.belowLast
			}
			return below + d.branches.other, below + d.branches.belowOther
		})
	}
}

// line draws one line; what does not fit goes on behind rest.
func (d *drawing) line(before, rest string, cells []string) {
	text := before
	for i, cell := range cells {
		next := text + cell
		if i > 0 && !d.fits(next) {
			d.WriteString(strings.TrimRight(text, " ") + "\n")
			next = rest + cell
		}
		text = d.wrap(next, rest)
	}
	d.WriteString(strings.TrimRight(text, " ") + "\n")
}

func (d *drawing) fits(text string) bool {
	return d.width <= 0 || utf8.RuneCountInString(strings.TrimRight(text, " ")) <= d.width
}

// wrap draws what does not fit of a text up to a space, and gives what goes on behind rest.
func (d *drawing) wrap(text, rest string) string {
	for !d.fits(text) {
		start := []rune(text)
		at := d.width
		for at > utf8.RuneCountInString(rest) && start[at] != ' ' {
			at--
		}
		head := strings.TrimRight(string(start[:at]), " ")
		if utf8.RuneCountInString(head) <= utf8.RuneCountInString(rest) {
			return text // a long word
		}
		d.WriteString(head + "\n")
		text = rest + strings.TrimLeft(string(start[at:]), " ")
	}
	return text
}
