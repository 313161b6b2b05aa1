package mediatypes

import (
	"slices"
	"strings"
)

// Traits holds the fields that identify the kind of a manifest or an index.
type Traits struct {
	ArtifactType string            // of the manifest, or of its entry in an index
	ConfigType   string            // media type of the config
	Layers       []LayerTraits     // of the manifest; may be empty where only a descriptor is known
	Annotations  map[string]string // of the manifest or index
}

// LayerTraits are the media type, the title, and the annotations of a layer.
type LayerTraits struct {
	MediaType, Title string
	Annotations      map[string]string
}

// Type returns the type of an artifact by which referrers are filtered: the artifactType, or else the config's media type.
func (t Traits) Type() string {
	if t.ArtifactType != "" {
		return t.ArtifactType
	}
	return t.ConfigType
}

// NeedsManifest reports whether the fields in a list of referrers are too few to identify the kind: cosign lists its bundles without
// the annotations that distinguish signatures from attestations, and some entries have no type.
func (t Traits) NeedsManifest() bool {
	return t.ArtifactType == "" || t.Annotations == nil && strings.Contains(t.ArtifactType, "sigstore.bundle")
}

// HasLayer reports whether a layer has the media type.
func (t Traits) HasLayer(mediaType string) bool {
	return slices.ContainsFunc(t.Layers, func(l LayerTraits) bool { return l.MediaType == mediaType })
}

// HasOnlyLayers reports whether there are layers, and all of them have the media type.
func (t Traits) HasOnlyLayers(mediaType string) bool {
	return len(t.Layers) > 0 && !slices.ContainsFunc(t.Layers, func(l LayerTraits) bool { return l.MediaType != mediaType })
}

// HasTitle reports whether the title of a layer begins with a prefix.
func (t Traits) HasTitle(prefix string) bool {
	return slices.ContainsFunc(t.Layers, func(l LayerTraits) bool { return strings.HasPrefix(l.Title, prefix) })
}

// Known is a kind that Recognize can find.
type Known struct {
	Kind
	// Matches reports whether a manifest belongs to the kind, if types do not identify it. It may be nil.
	Matches func(Traits) bool
}

// Recognize returns the kind of a manifest. Kinds with a Matches function come first, because kinds share types; then the
// artifactType, the media type of the config, and the media type of the first layer for kinds whose type is that of their
// layer. A container image without any of them is of the kind image. If no kind fits, the kind is generic, and ok is false.
func Recognize(kinds []Known, t Traits) (kind Kind, ok bool) {
	for _, k := range kinds {
		if k.Matches != nil && k.Matches(t) {
			return k.Kind, true
		}
	}
	for _, name := range []string{t.ArtifactType, t.ConfigType} {
		if k, ok := byType(kinds, name); ok {
			return k, true
		}
	}
	if len(t.Layers) > 0 {
		if k, ok := byType(kinds, t.Layers[0].MediaType); ok && k.TypeFromLayer {
			return k, true
		}
	}
	if t.ArtifactType == "" && IsImageConfig(t.ConfigType) {
		return named(kinds, "image"), true
	}
	return named(kinds, "generic"), false
}

// byType returns the kind that a type of an artifact (see Traits.Type) belongs to. The types of the empty config and of image
// configs belong to no kind.
func byType(kinds []Known, t string) (Kind, bool) {
	if t == "" || t == EmptyJSON || IsImageConfig(t) {
		return Kind{}, false
	}
	for _, k := range kinds {
		if k.Has(t) {
			return k.Kind, true
		}
	}
	return Kind{}, false
}

func named(kinds []Known, name string) Kind {
	for _, k := range kinds {
		if k.Name == name {
			return k.Kind
		}
	}
	return Kind{Name: name}
}
