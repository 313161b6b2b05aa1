package compose

import (
	"path"

	"github.com/davit-oci/davit/internal/compose/roles"
)

// Assign changes the role of a layer to another one of the kind. If mediaType is not empty, it chooses the layer type with this media type. A
// media type in the declaration stays.
func (d *Draft) Assign(l *Layer, role, mediaType string) {
	for _, t := range d.Kind.Layers {
		if t.Role != role || mediaType != "" && t.MediaType != mediaType {
			continue
		}
		l.Role, l.Type.LayerType, l.Type.Evidence = role, t, ""
		if mediaType, ok := t.For(l.Packing); ok && l.Declared.MediaType == "" {
			l.MediaType = mediaType
		}
		return
	}
}

// NamesFile reports whether the entry of a layer names the layer's file or directory itself, not a pattern or a directory above it.
func (l *Layer) NamesFile() bool {
	return l.Declared.Path != "" && l.Source() == path.Clean(l.Declared.Path)
}

// DropLayers removes the layers for which drop returns true, and lists them as left out.
func (d *Draft) DropLayers(drop func(l *Layer) bool) {
	var kept []*Layer
	for _, l := range d.Layers {
		if drop(l) {
			d.LeftOut = append(d.LeftOut, roles.EntryName(l.Source(), l.Dir))
		} else {
			kept = append(kept, l)
		}
	}
	d.Layers = kept
}
