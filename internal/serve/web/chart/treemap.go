// Package chart computes the layout of charts. It draws nothing.
package chart

import (
	"cmp"

	"github.com/davit-oci/davit/internal/lists"
)

// Rect is a rectangle of a treemap. Its area is proportional to a size.
type Rect struct {
	X, Y, W, H float64
	Index      int // of the size in the argument of Treemap
}

// Treemap divides a rectangle into smaller ones, as nearly square as possible: one for each size, the largest first. Sizes that
// are not positive have no rectangle.
func Treemap(sizes []int64, width, height float64) []Rect {
	var order []int
	var total float64
	for i, size := range sizes {
		if size > 0 {
			order = append(order, i)
			total += float64(size)
		}
	}
	lists.Sort(order, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	free := Rect{W: width, H: height}
	scale := width * height / max(total, 1)
	var rects []Rect
	for len(order) > 0 {
		n := rowLength(order, sizes, min(free.W, free.H), scale)
		rects = append(rects, free.takeRow(order[:n], sizes, scale)...)
		order = order[n:]
	}
	return rects
}

// rowLength returns how many of the next sizes make the best row along a side: one more would make its rectangles less square.
func rowLength(order []int, sizes []int64, side, scale float64) int {
	best, area := 0.0, 0.0
	largest := float64(sizes[order[0]]) * scale
	for i, index := range order {
		smallest := float64(sizes[index]) * scale
		area += smallest
		depth := area / side
		worst := max(largest/depth/depth, depth*depth/smallest)
		if i > 0 && worst > best {
			return i
		}
		best = worst
	}
	return len(order)
}

// takeRow lays out a row of sizes along the shorter side of the free rectangle r, and shrinks r by it.
func (r *Rect) takeRow(row []int, sizes []int64, scale float64) []Rect {
	var area float64
	for _, index := range row {
		area += float64(sizes[index]) * scale
	}
	rects := make([]Rect, len(row))
	wide := r.W >= r.H
	side := min(r.W, r.H)
	depth := area / max(side, 1e-9)
	at := 0.0
	for i, index := range row {
		length := float64(sizes[index]) * scale / max(depth, 1e-9)
		if wide {
			rects[i] = Rect{r.X, r.Y + at, depth, length, index}
		} else {
			rects[i] = Rect{r.X + at, r.Y, length, depth, index}
		}
		at += length
	}
	if wide {
		r.X, r.W = r.X+depth, max(r.W-depth, 0)
	} else {
		r.Y, r.H = r.Y+depth, max(r.H-depth, 0)
	}
	return rects
}
