package mediatypes

import "slices"

// Role returns the first layer type of a role. It returns false if the kind has no such role.
func (k Kind) Role(role string) (LayerType, bool) {
	i := slices.IndexFunc(k.Layers, func(t LayerType) bool { return t.Role == role })
	if i < 0 {
		return LayerType{}, false
	}
	return k.Layers[i], true
}

// Roles returns the names of the kind's roles, each once, in the order of Layers. Inlined, it would add 6 KB to the program.
//
//go:noinline
func (k Kind) Roles() []string {
	var roles []string
	for _, t := range k.Layers {
		if !slices.Contains(roles, t.Role) {
			roles = append(roles, t.Role)
		}
	}
	return roles
}

// Has reports whether t is the kind's artifactType, its config's media type, or one of its Types.
func (k Kind) Has(t string) bool {
	return t != "" && (t == k.ArtifactType || t == k.Config.MediaType || slices.Contains(k.Types, t))
}

// For returns the media type of a layer in a packing. ok is false if the kind has no media type for the packing.
func (t LayerType) For(p Packing) (mediaType string, ok bool) {
	if p == t.Packed() {
		return t.MediaType, t.MediaType != ""
	}
	mediaType, ok = t.MediaTypes[p]
	return mediaType, ok
}

// Packed returns the default packing of the layer.
func (t LayerType) Packed() Packing {
	if t.Packing == "" {
		return Raw
	}
	return t.Packing
}
