package view

import (
	"path"
	"strconv"

	"github.com/davit-oci/davit/internal/serve/web/chart"
	"github.com/davit-oci/davit/pull"
)

const (
	// MapWidth and MapHeight are the size of a treemap.
	MapWidth, MapHeight = 1000, 600
	// tileColors is the number of colors of tiles. The extension of a file determines its color.
	tileColors = 6
)

// Tile is a file in a treemap.
type Tile struct {
	X, Y, W, H string
	Name, Path string
	Label      string // empty if there is no room
	Size       int64
	Color      int
}

// NewTiles arranges files in a treemap. The argument artifact is the path of the page about the artifact.
func NewTiles(files []pull.File, artifact string) []Tile {
	sizes := make([]int64, len(files))
	for i, f := range files {
		sizes[i] = f.Size
	}
	var tiles []Tile
	for _, r := range chart.Treemap(sizes, MapWidth, MapHeight) {
		tiles = append(tiles, newTile(r, files[r.Index], artifact))
	}
	return tiles
}

// newTile returns the tile of a file in a rectangle.
func newTile(r chart.Rect, f pull.File, artifact string) Tile {
	t := Tile{
		X: formatNumber(r.X), Y: formatNumber(r.Y), W: formatNumber(max(r.W-1, 0.5)), H: formatNumber(max(r.H-1, 0.5)),
		Name: f.Path, Path: artifact + EscapePath("/file/"+f.Path), Size: f.Size,
	}
	for _, b := range []byte(path.Ext(f.Path)) {
		t.Color = (t.Color*31 + int(b)) % tileColors
	}
	const letter, line = 9, 20 // approximate width of a letter and height of a line
	if room := int(r.W)/letter - 1; r.H > line && room > 3 {
		name := []rune(path.Base(f.Path))
		if len(name) > room {
			name = append(name[:room-1], '…')
		}
		t.Label = string(name)
	}
	return t
}

func formatNumber(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
