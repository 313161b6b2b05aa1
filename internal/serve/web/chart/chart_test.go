package chart_test

import (
	"math"
	"testing"

	"github.com/davit-oci/davit/internal/serve/web/chart"
)

// TestTreemap checks that the areas of the rectangles match the sizes, and that the rectangles are inside and do not overlap.
func TestTreemap(t *testing.T) {
	t.Parallel()
	for _, sizes := range [][]int64{nil, {0}, {5}, {1, 1, 1, 1}, {6, 6, 4, 3, 2, 2, 1}, {math.MaxInt32, 1, 1}, {0, -1, 3, 0, 2}, {100, 90, 80, 70, 1, 1, 1, 1, 1, 1, 1}} {
		var total float64
		positive := 0
		for _, s := range sizes {
			if s > 0 {
				total += float64(s)
				positive++
			}
		}
		rects := chart.Treemap(sizes, 300, 200)
		if len(rects) != positive {
			t.Errorf("%v: got %d rectangles, want %d", sizes, len(rects), positive)
		}
		const slack = 1e-6
		for i, r := range rects {
			if want := float64(sizes[r.Index]) / total * 300 * 200; math.Abs(r.W*r.H-want) > 1e-3 {
				t.Errorf("%v: the area of %v: got %v, want %v", sizes, r, r.W*r.H, want)
			}
			if r.X < -slack || r.Y < -slack || r.X+r.W > 300+slack || r.Y+r.H > 200+slack {
				t.Errorf("%v: %v is outside", sizes, r)
			}
			for _, o := range rects[:i] {
				if r.X+slack < o.X+o.W && o.X+slack < r.X+r.W && r.Y+slack < o.Y+o.H && o.Y+slack < r.Y+r.H {
					t.Errorf("%v: %v and %v overlap", sizes, r, o)
				}
			}
		}
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	nodes := []chart.Node{{Column: 1}, {Column: 2}, {Column: 2}, {Column: 0}}
	if columns, rows := chart.Place(nodes); columns != 3 || rows != 2 || nodes[2].Row != 1 || nodes[3].Row != 0 {
		t.Errorf("got %d columns, %d rows, %v, want 3 columns and 2 rows", columns, rows, nodes)
	}
}
