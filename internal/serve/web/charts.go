package web

import "strconv"

// bar is a bar of a chart. Width is in percent of the longest.
type bar struct {
	Name  string
	Count int64
	Width string
}

// maxBars is how many bars a chart has.
const maxBars = 20

// newBar returns a bar; most is the length of the longest.
func newBar(name string, count, most int64) bar {
	width := 100.0
	if most > 0 {
		width = 100 * float64(count) / float64(most)
	}
	return bar{name, count, strconv.FormatFloat(max(width, 0.5), 'f', 1, 64)}
}
