package web

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"

	"github.com/davit-oci/davit/internal/serve/web/chart"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
)

const (
	// mapWidth and mapHeight are the size of a treemap, and maxTiles how many files it has.
	mapWidth, mapHeight = 1000, 600
	maxTiles            = 300
	// maxTensorRows bounds the tensors on a page.
	maxTensorRows = 2000
	// tileColors is how many colors tiles have, by the extensions of the files.
	tileColors = 6
)

// mapView is the content of the page with the treemap of an artifact.
type mapView struct {
	Path          string
	Width, Height int
	Tiles         []tile
	Packed        bool // packed layers are one file each
	More          int
}

// tile is a file in a treemap.
type tile struct {
	X, Y, W, H string
	Name, Path string
	Label      string // empty: no room
	Size       int64
	Color      int
}

// treemap shows which files take how many bytes.
func (h *handler) treemap(c *call, p place, target *once.Target) (*page, error) {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{Shallow: true})
	if err != nil {
		return nil, err
	}
	v := &mapView{Path: view.PathTo(p.repository, "@", info.Digest.String()), Width: mapWidth, Height: mapHeight, Packed: packedSize(info) > maxListed}
	listing, err := read.List(c.Context(), target, info.Digest.String(), read.ListOptions{NoUnpack: v.Packed})
	if err != nil {
		return nil, err
	}
	files := slices.Clone(listing.Files)
	slices.SortStableFunc(files, func(a, b pull.File) int { return cmp.Compare(b.Size, a.Size) })
	v.More = max(0, len(files)-maxTiles)
	files = files[:len(files)-v.More]
	sizes := make([]int64, len(files))
	for i, f := range files {
		sizes[i] = f.Size
	}
	for _, r := range chart.Treemap(sizes, mapWidth, mapHeight) {
		v.Tiles = append(v.Tiles, newTile(r, files[r.Index], v.Path))
	}
	return &page{template: "map.html", Title: "Sizes in " + p.title(), Crumbs: append(p.crumbs(), view.NewLink("sizes", v.Path+"/map")), Data: v}, nil
}

// newTile lays a file out in its rectangle.
func newTile(r chart.Rect, f pull.File, artifact string) tile {
	t := tile{
		X: number(r.X), Y: number(r.Y), W: number(max(r.W-1, 0.5)), H: number(max(r.H-1, 0.5)),
		Name: f.Path, Path: artifact + view.EscapePath("/file/"+f.Path), Size: f.Size,
	}
	for _, b := range []byte(path.Ext(f.Path)) {
		t.Color = (t.Color*31 + int(b)) % tileColors
	}
	const letter, line = 9, 20 // about the width and height of text
	if room := int(r.W)/letter - 1; r.H > line && room > 3 {
		name := []rune(path.Base(f.Path))
		if len(name) > room {
			name = append(name[:room-1], '…')
		}
		t.Label = string(name)
	}
	return t
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// tensorView is the content of the page about the tensors of a model.
type tensorView struct {
	Bars  []view.Bar
	Bytes bool // the bars are of bytes, not of tensors
	Rows  []inspect.Tensor
	More  int
}

// tensors lists the tensors of a model, from the headers of its weights.
func (h *handler) tensors(c *call, p place, target *once.Target) (*page, error) {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{Tensors: true})
	if err != nil {
		return nil, err
	}
	v := &tensorView{Bytes: true}
	bytes, counts := map[string]int64{}, map[string]int64{}
	for _, l := range info.Layers {
		for _, t := range l.Tensors {
			bytes[t.Type] += t.Size
			counts[t.Type]++
			v.Bytes = v.Bytes && t.Size > 0
		}
		v.Rows = append(v.Rows, l.Tensors...)
	}
	if !v.Bytes {
		bytes = counts
	}
	v.Bars = view.NewBars(bytes)
	v.More = max(0, len(v.Rows)-maxTensorRows)
	v.Rows = v.Rows[:len(v.Rows)-v.More]
	return &page{template: "tensors.html", Title: "Tensors of " + p.title(), Crumbs: append(p.crumbs(), view.NewLink("tensors", view.PathTo(p.repository, p.sign, p.reference)+"/tensors")), Data: v}, nil
}

// graphView is the content of the page with the graph of an artifact.
type graphView struct {
	Width, Height int
	Nodes         []graphNode
	Edges         []graphEdge
	More          int
}

// graphNode is a manifest or blob.
type graphNode struct {
	X, Y, W, H   int
	Class        string
	Label, Title string
	Path         string // empty: a blob
	Size         int64
	Shared       bool // several manifests have it
}

// graphEdge is a line between two nodes.
type graphEdge struct{ X1, Y1, X2, Y2 int }

// The size of a node, and the room around it.
const (
	nodeWidth, nodeHeight = 200, 44
	columnWidth           = nodeWidth + 60
	rowHeight             = nodeHeight + 14
	maxNodes              = 200
)

// graph shows an artifact with its referrers, manifests, and blobs.
func (h *handler) graph(c *call, p place, target *once.Target) (*page, error) {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.Context(), partTime)
	defer cancel()
	list, err := referrersOf(ctx, target, info)
	if err != nil {
		return nil, err
	}
	b := &graphBuilder{repository: p.repository, at: map[digest.Digest]int{}}
	b.manifest(info, 1, -1)
	b.referrers(list, b.at[info.Digest])
	return &page{template: "graph.html", Title: "Graph of " + p.title(), Crumbs: append(p.crumbs(), view.NewLink("graph", view.PathTo(p.repository, p.sign, p.reference)+"/graph")), Data: b.view()}, nil
}

// graphBuilder collects the nodes of a graph. Referrers are in the first column, and what a node leads to right of it.
type graphBuilder struct {
	repository string
	places     []chart.Node
	nodes      []graphNode
	at         map[digest.Digest]int
	more       int
}

// add adds a node below a parent, or an edge to the node that exists. It returns -1 if there are too many.
func (b *graphBuilder) add(d digest.Digest, n graphNode, column, parent int) int {
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

func (b *graphBuilder) manifest(info *inspect.Info, column, parent int) {
	label := view.KindOf(info)
	if info.Platform != nil {
		label = info.Platform.OS + "/" + info.Platform.Architecture
	}
	i := b.add(info.Digest, graphNode{Class: "manifest", Label: label, Path: view.PathTo(b.repository, "@", info.Digest.String()), Size: info.Size}, column, parent)
	if i < 0 {
		return
	}
	if info.Config != nil {
		b.add(info.Config.Digest, graphNode{Class: "config", Label: "config", Size: info.Config.Size}, column+1, i)
	}
	for _, l := range info.Layers {
		b.add(l.Digest, graphNode{Class: "blob", Label: cmp.Or(l.Name, l.Role, "layer"), Size: l.Size}, column+1, i)
	}
	for _, m := range slices.Concat(info.Manifests, info.Attestations) {
		b.manifest(m, column+1, i)
	}
}

// referrers adds referrers, with edges to their subject.
func (b *graphBuilder) referrers(list []*referrers.Referrer, subject int) {
	for _, r := range list {
		i := b.add(r.Digest, graphNode{Class: "referrer", Label: cmp.Or(r.Kind, r.ArtifactType), Path: view.PathTo(b.repository, "@", r.Digest.String()), Size: r.Size}, 0, -1)
		if i >= 0 {
			b.places[subject].Parents = append(b.places[subject].Parents, i)
		}
	}
}

// view places the nodes and draws the edges.
func (b *graphBuilder) view() *graphView {
	columns, rows := chart.Place(b.places)
	v := &graphView{Width: columns*columnWidth - 40, Height: rows*rowHeight + 10, Nodes: b.nodes, More: b.more}
	for i, n := range b.places {
		v.Nodes[i].X, v.Nodes[i].Y, v.Nodes[i].W, v.Nodes[i].H = 10+n.Column*columnWidth, 10+n.Row*rowHeight, nodeWidth, nodeHeight
		if label := []rune(v.Nodes[i].Label); len(label) > 22 {
			v.Nodes[i].Label = fmt.Sprintf("%s…", string(label[:21]))
		}
	}
	for i, n := range b.places {
		for _, parent := range n.Parents {
			from, to := v.Nodes[parent], v.Nodes[i]
			v.Edges = append(v.Edges, graphEdge{from.X + from.W, from.Y + from.H/2, to.X, to.Y + to.H/2})
		}
	}
	return v
}
