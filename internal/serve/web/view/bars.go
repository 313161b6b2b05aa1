package view

import (
	"cmp"
	"strconv"

	"github.com/davit-oci/davit/internal/lists"
)

// Bar is a bar of a chart. Width is a percentage of the longest bar.
type Bar struct {
	Name  string
	Count int64
	Width string
}

// maxBars limits the bars of a chart.
const maxBars = 20

// newBar returns a bar. most is the count of the longest bar.
func newBar(name string, count, most int64) Bar {
	width := 100.0
	if most > 0 {
		width = 100 * float64(count) / float64(most)
	}
	return Bar{name, count, strconv.FormatFloat(max(width, 0.5), 'f', 1, 64)}
}

// NewBars returns bars for counts, the longest first.
func NewBars(counts map[string]int64) []Bar {
	names := lists.Keys(counts, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	var bars []Bar
	for _, name := range names[:min(len(names), maxBars)] {
		bars = append(bars, newBar(name, counts[name], counts[names[0]]))
	}
	return bars
}
