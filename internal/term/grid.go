package term

import (
	"strings"
	"unicode/utf8"
)

// gridRow is a row of escaped cells.
type gridRow struct {
	before, rest string // prefixes of the first line, and of the lines below it
	cells        []string
	styles       []Style // of the cells; missing ones are Plain
}

// grid lays out rows of cells in columns. If they do not fit on the screen, every row is broken before the same cells, so that
// the cells still form columns. Text in a cell is broken only between words.
type grid struct {
	screen *Screen // nil if the width is unlimited
	rows   []gridRow
	widths []int
	breaks []bool // whether every row is broken before the cell with the index
}

// gap is the number of columns between cells.
const gap = 2

// maxAligned is the maximum width of a column. Without it, one long cell of untrusted text would make every row as long.
const maxAligned = 1000

// minTextWidth is the minimum number of columns in which text is wrapped beside other cells. With fewer columns, the text goes
// below the row.
const minTextWidth = 20

func newGrid(screen *Screen, rows []gridRow) *grid {
	g := &grid{screen: screen, rows: rows}
	for _, row := range rows {
		for i, cell := range row.cells {
			if i == len(g.widths) {
				g.widths = append(g.widths, 0)
			}
			if screen.hasWidth() && len(row.cells) == 1 && len(rows) > 1 {
				continue // a heading
			}
			g.widths[i] = max(g.widths[i], min(Width(cell), maxAligned))
		}
	}
	g.breaks = g.bestBreaks()
	return g
}

// maxSampled limits the rows that are laid out to choose the breaks.
const maxSampled = 500

// bestBreaks returns the breaks that lead to the fewest lines. Of several, it prefers shorter lines, then later breaks.
func (g *grid) bestBreaks() []bool {
	none := make([]bool, len(g.widths))
	if !g.screen.hasWidth() || len(g.widths) < 3 || len(g.widths) > 10 {
		return none // with one or two cells, there is nothing to align after a break
	}
	sample := g.rows[:min(len(g.rows), maxSampled)]
	best, bestLines, bestWidth := none, -1, 0
	for mask := range 1 << (len(g.widths) - 1) {
		g.breaks = make([]bool, len(g.widths))
		for i := 1; i < len(g.widths); i++ {
			g.breaks[i] = mask&(1<<(len(g.widths)-1-i)) != 0
		}
		lines, widest := 0, 0
		for _, row := range sample {
			l := g.lay(row)
			lines, widest = lines+len(l.lines)+3*l.moved, max(widest, l.widest)
		}
		if mask == 0 && lines == len(sample) {
			return none
		}
		if bestLines < 0 || lines < bestLines || lines == bestLines && widest < bestWidth {
			best, bestLines, bestWidth = g.breaks, lines, widest
		}
	}
	return best
}

// laidRow is a row that is laid out in lines.
type laidRow struct {
	grid *grid
	row  gridRow

	lines  []string
	moved  int // cells that moved to a separate line, and fit there
	widest int // columns of the widest line

	open    string // the current line
	used    int    // its columns
	padding int    // spaces before the next cell
	isEmpty bool   // the current line has only its prefix
}

// lay lays out a row.
func (g *grid) lay(row gridRow) *laidRow {
	l := &laidRow{grid: g, row: row}
	l.begin(row.before)
	isFull := false
	for i, cell := range row.cells {
		if i > 0 && (g.breaks[i] || isFull && cell != "") {
			l.next()
			isFull = false
		}
		if cell != "" {
			isFull = l.writeCell(i, cell)
		} else if g.widths[i] > 0 {
			l.padding += g.widths[i] + gap
		}
	}
	if !l.isEmpty || len(l.lines) == 0 {
		l.end()
	}
	return l
}

// writeCell writes a cell. It reports whether the line is full because the cell was wrapped.
func (l *laidRow) writeCell(i int, cell string) (isFull bool) {
	style := Plain
	if i < len(l.row.styles) {
		style = l.row.styles[i]
	}
	screen, width := l.grid.screen, Width(cell)
	if !screen.hasWidth() || l.used+l.padding+width <= screen.Width {
		l.put(cell, style)
		l.padding = max(l.grid.widths[i]-width, 0) + gap
		return false
	}
	word := longestWord(cell)
	switch {
	case l.isEmpty:
	case screen.Width-l.used-l.padding >= max(minTextWidth, word) && l.isLast(i):
		l.wrap(cell, style, l.row.rest+strings.Repeat(" ", max(l.used+l.padding-Width(l.row.rest), 0)))
		return true
	case len(l.row.cells) == 2 && l.used+gap+width <= screen.Width:
		l.padding = gap
		l.put(cell, style)
		return true
	case len(l.row.cells) == 2 && word > screen.Width && strings.TrimSpace(l.row.rest) == "":
		l.wrap(cell, style, l.row.rest) // the cell does not fit below the row either
		return true
	default:
		if l.next(); l.used+width <= screen.Width {
			l.moved++
		}
	}
	rest := l.row.rest
	if strings.TrimSpace(rest) == "" && word <= screen.Width {
		rest = rest[:min(len(rest), screen.Width-word)]
	}
	if len(l.lines) > 0 {
		l.begin(rest)
	}
	l.wrap(cell, style, rest)
	return true
}

// isLast reports whether cell i is the last one on its line.
func (l *laidRow) isLast(i int) bool {
	for j := i + 1; j < len(l.row.cells) && !l.grid.breaks[j]; j++ {
		if l.row.cells[j] != "" {
			return false
		}
	}
	return true
}

// wrap writes text, broken at spaces. The lines below the first one begin with rest.
func (l *laidRow) wrap(text string, style Style, rest string) {
	for {
		room := l.grid.screen.Width - l.used - l.padding
		if len(text) <= room || !isWider(text, room) {
			break
		}
		at := lastSpace(text, room)
		if at == 0 {
			break
		}
		l.put(strings.TrimRight(text[:at], " "), style)
		l.end()
		l.begin(rest)
		text = strings.TrimLeft(text[at:], " ")
	}
	l.put(text, style)
}

func (l *laidRow) put(text string, style Style) {
	l.open += strings.Repeat(" ", l.padding) + l.grid.screen.paint(text, style)
	l.used += l.padding + Width(text)
	l.padding, l.isEmpty = 0, false
}

// next ends the current line, unless it is empty, and begins the next one.
func (l *laidRow) next() {
	if !l.isEmpty {
		l.end()
	}
	l.begin(l.row.rest)
}

func (l *laidRow) begin(prefix string) {
	l.open, l.used, l.padding, l.isEmpty = l.grid.screen.paint(prefix, Dim), Width(prefix), 0, true
}

func (l *laidRow) end() {
	l.lines = append(l.lines, strings.TrimRight(l.open, " "))
	l.widest = max(l.widest, l.used)
}

// isWider reports whether text takes more columns. It reads no more of the text than that: wrap calls it for each line of a cell, which
// has megabytes if a registry sends them.
func isWider(text string, columns int) bool {
	for i := 0; i < len(text); {
		if skip := sequenceLen(text[i:]); skip > 0 {
			i += skip
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if columns -= RuneWidth(r); columns < 0 {
			return true
		}
		i += size
	}
	return columns < 0
}

// longestWord returns the width of the longest word of a text.
func longestWord(text string) int {
	most := 0
	for word := range strings.FieldsSeq(text) {
		most = max(most, Width(word))
	}
	return most
}

// lastSpace returns the index of the last space at which text can be broken to fit into columns. If the first word is too wide,
// it returns the index of the first space, or 0 if there is no space.
func lastSpace(text string, columns int) int {
	at, column := 0, 0
	for i, r := range text {
		if column > columns && at > 0 {
			break
		}
		if r == ' ' && column > 0 {
			at = i
		}
		column += RuneWidth(r)
	}
	return at
}
