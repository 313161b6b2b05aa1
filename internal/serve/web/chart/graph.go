package chart

// Node is a node of a graph. Column is set by the caller; Row by Place.
type Node struct {
	Column, Row int
	Parents     []int // indexes of the nodes with an edge to this one
}

// Place arranges the nodes of each column one below the other, in order, and returns the numbers of columns and rows.
func Place(nodes []Node) (columns, rows int) {
	next := map[int]int{}
	for i := range nodes {
		n := &nodes[i]
		n.Row = next[n.Column]
		next[n.Column]++
		columns, rows = max(columns, n.Column+1), max(rows, n.Row+1)
	}
	return columns, rows
}
