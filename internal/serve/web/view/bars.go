package view

import (
	"strconv"
)

// Bar is a bar of a chart. Width is in percent of the longest.
type Bar struct {
	Name  string
	Count int64
	Width string
}

// maxBars is how many bars a chart has.
const maxBars = 20

// newBar returns a bar; most is the length of the longest.
func newBar(name string, count, most int64) Bar {
	width := 100.0
	if most > 0 {
		width = 100 * float64(count) / float64(most)
	}
	return Bar{name, count, strconv.FormatFloat(max(width, 0.5), 'f', 1, 64)}
}
