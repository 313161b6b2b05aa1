package view

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/serve/web/chart"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
)

// Graph is a drawing of the manifests and blobs of an artifact.
type Graph struct {
	Width, Height int
	Nodes         []GraphNode
	Edges         []GraphEdge
	More          int
}

// GraphNode is a manifest or blob.
type GraphNode struct {
	X, Y, W, H   int
	Class        string
	Label, Title string
	Path         string // empty if it has no page
	Size         int64
	Shared       bool // several manifests list it
}

// GraphEdge is a line between two nodes.
type GraphEdge struct{ X1, Y1, X2, Y2 int }

// The size of a node, and of its cell in the grid of columns and rows.
const (
	nodeWidth, nodeHeight = 200, 44
	columnWidth           = nodeWidth + 60
	rowHeight             = nodeHeight + 14
	maxNodes              = 200
)

// NewGraph draws an artifact of a repository, with the referrers of each of its manifests.
func NewGraph(repository string, info *inspect.Info, lists map[digest.Digest][]*referrers.Referrer) *Graph {
	b := &graphBuilder{repository: repository, at: map[digest.Digest]int{}}
	info = withoutDuplicates(info)
	column := 0
	for _, list := range lists {
		column = max(column, levels(list))
	}
	b.addManifest(info, column, -1)
	for _, m := range slices.Concat([]*inspect.Info{info}, info.Manifests) {
		b.addReferrers(lists[m.Digest], m.Digest, column-1)
	}
	return b.view()
}

// withoutDuplicates returns a copy of an index that lists each manifest once: several platforms may have the same one.
func withoutDuplicates(info *inspect.Info) *inspect.Info {
	index, seen := *info, map[digest.Digest]bool{}
	index.Manifests = lists.Delete(slices.Clone(info.Manifests), func(m *inspect.Info) bool {
		known := seen[m.Digest]
		seen[m.Digest] = true
		return known
	})
	return &index
}

// levels returns the depth of a tree of referrers.
func levels(list []*referrers.Referrer) int {
	n := 0
	for _, r := range list {
		n = max(n, 1+levels(r.Referrers))
	}
	return n
}

// graphBuilder collects the nodes of a graph. The successors of a node are in the next column to the right. Referrers are in columns
// to the left of the artifact, one for each level.
type graphBuilder struct {
	repository string
	places     []chart.Node
	nodes      []GraphNode
	at         map[digest.Digest]int
	more       int
}

// add adds a node, unless the digest already has one, and an edge from the parent. A negative parent adds no edge. It returns the
// index of the node, or -1 if there are already maxNodes.
func (b *graphBuilder) add(d digest.Digest, n GraphNode, column, parent int) int {
	i, known := b.at[d]
	switch {
	case known:
		b.nodes[i].Shared = true
	case len(b.nodes) == maxNodes:
		b.more++
		return -1
	default:
		i = len(b.nodes)
		b.at[d] = i
		n.Title = d.String()
		b.nodes, b.places = append(b.nodes, n), append(b.places, chart.Node{Column: column})
	}
	if parent >= 0 {
		b.places[i].Parents = append(b.places[i].Parents, parent)
	}
	return i
}

func (b *graphBuilder) addManifest(info *inspect.Info, column, parent int) {
	label := KindOf(info)
	if info.Platform != nil {
		label = info.Platform.OS + "/" + info.Platform.Architecture
	}
	i := b.add(info.Digest, GraphNode{Class: "manifest", Label: label, Path: PathTo(b.repository, "@", info.Digest.String()), Size: info.Size}, column, parent)
	if i < 0 {
		return
	}
	if info.Config != nil {
		b.add(info.Config.Digest, GraphNode{Class: "config", Label: "config", Path: b.nodes[i].Path + "/config", Size: info.Config.Size}, column+1, i)
	}
	for _, l := range Layers(info, b.repository) {
		b.add(l.Digest, GraphNode{Class: "blob", Label: cmp.Or(l.Name, l.Role, "layer"), Path: l.Path, Size: l.Size}, column+1, i)
	}
	for _, m := range slices.Concat(info.Manifests, info.Attestations) {
		b.addManifest(m, column+1, i)
	}
}

// addReferrers adds referrers, and the referrers of each, with edges to their subjects.
func (b *graphBuilder) addReferrers(list []*referrers.Referrer, subject digest.Digest, column int) {
	for _, r := range list {
		i := b.add(r.Digest, GraphNode{Class: "referrer", Label: cmp.Or(r.Kind, r.ArtifactType), Path: PathTo(b.repository, "@", r.Digest.String()), Size: r.Size}, column, -1)
		if at, shown := b.at[subject]; i >= 0 && shown {
			b.places[at].Parents = append(b.places[at].Parents, i)
		}
		b.addReferrers(r.Referrers, r.Digest, column-1)
	}
}

// view places the nodes and draws the edges.
func (b *graphBuilder) view() *Graph {
	columns, rows := chart.Place(b.places)
	v := &Graph{Width: columns*columnWidth - 40, Height: rows*rowHeight + 10, Nodes: b.nodes, More: b.more}
	for i, n := range b.places {
		v.Nodes[i].X, v.Nodes[i].Y, v.Nodes[i].W, v.Nodes[i].H = 10+n.Column*columnWidth, 10+n.Row*rowHeight, nodeWidth, nodeHeight
		if label := []rune(v.Nodes[i].Label); len(label) > 22 {
			v.Nodes[i].Label = fmt.Sprintf("%s…", string(label[:21]))
		}
	}
	for i, n := range b.places {
		for _, parent := range n.Parents {
			from, to := v.Nodes[parent], v.Nodes[i]
			v.Edges = append(v.Edges, GraphEdge{from.X + from.W, from.Y + from.H/2, to.X, to.Y + to.H/2})
		}
	}
	return v
}
