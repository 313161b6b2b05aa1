package web

import (
	"cmp"
	"context"
	"slices"

	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/serve/web/content"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
)

const (
	// maxTiles limits the files in a treemap.
	maxTiles = 300
	// maxTensorRows limits the tensors on a page.
	maxTensorRows = 2000
)

// mapView is the content of the page with the treemap of an artifact.
type mapView struct {
	Path          string
	Width, Height int
	Tiles         []view.Tile
	Packed        bool // each packed layer is shown as one file
	More          int
}

// showTreemap shows how many bytes each file takes.
func (h *handler) showTreemap(c *call, p place, target *once.Target) (*page, error) {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{Shallow: true})
	if err != nil {
		return nil, err
	}
	v := &mapView{Path: view.PathTo(p.repository, "@", info.Digest.String()), Width: view.MapWidth, Height: view.MapHeight, Packed: content.PackedSize(info) > maxListed}
	listing, err := read.List(c.Context(), target, info.Digest.String(), read.ListOptions{Inside: true, NoUnpack: v.Packed})
	if err != nil {
		return nil, err
	}
	files := slices.Clone(listing.Files)
	lists.Sort(files, func(a, b pull.File) int { return cmp.Compare(b.Size, a.Size) })
	v.More = max(0, len(files)-maxTiles)
	files = files[:len(files)-v.More]
	v.Tiles = view.NewTiles(files, v.Path)
	return &page{template: "map.html", Title: "Sizes in " + p.title(), Crumbs: append(p.crumbs(), view.NewLink("sizes", v.Path+"/map")), Data: v}, nil
}

// tensorView is the content of the page about the tensors of a model.
type tensorView struct {
	Bars  []view.Bar
	Bytes bool // the bars count bytes, not tensors
	Rows  []inspect.Tensor
	More  int
}

// showTensors lists the tensors of a model, from the headers of its weights.
func (h *handler) showTensors(c *call, p place, target *once.Target) (*page, error) {
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

// showGraph shows an artifact with its referrers, manifests, and blobs.
func (h *handler) showGraph(c *call, p place, target *once.Target) (*page, error) {
	info, err := inspect.Inspect(c.Context(), target, p.reference, inspect.Options{})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.Context(), partTime)
	defer cancel()
	lists, err := referrersOf(ctx, target, info)
	if err != nil {
		return nil, err
	}
	return &page{template: "graph.html", Title: "Graph of " + p.title(), Crumbs: append(p.crumbs(), view.NewLink("graph", view.PathTo(p.repository, p.sign, p.reference)+"/graph")), Data: view.NewGraph(p.repository, info, lists)}, nil
}
