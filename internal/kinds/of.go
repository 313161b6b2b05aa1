package kinds

import (
	"slices"
	"strings"

	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Fallback returns the kind of artifacts and files that have no other kind.
func Fallback() mediatypes.Kind {
	fallback, _ := Recognize(mediatypes.Traits{})
	return fallback
}

// KindOf returns the kind of a manifest, or the fallback and false if its type is unknown.
func KindOf(m ocispec.Manifest) (mediatypes.Kind, bool) {
	traits := mediatypes.Traits{ArtifactType: m.ArtifactType, ConfigType: m.Config.MediaType, Annotations: m.Annotations}
	for _, l := range m.Layers {
		traits.Layers = append(traits.Layers, mediatypes.LayerTraits{MediaType: l.MediaType, Title: l.Annotations[ocispec.AnnotationTitle], Annotations: l.Annotations})
	}
	return Recognize(traits)
}

// KindOfEntry returns the kind of an entry in an index or in a list of referrers, by its descriptor alone.
func KindOfEntry(desc ocispec.Descriptor) (mediatypes.Kind, bool) {
	return Recognize(mediatypes.Traits{ArtifactType: desc.ArtifactType, Annotations: desc.Annotations})
}

// KindOfIndex returns the kind of an index, by its type and annotations or else by the first entry whose kind is known.
func KindOfIndex(index ocispec.Index) (mediatypes.Kind, bool) {
	kind, ok := Recognize(mediatypes.Traits{ArtifactType: index.ArtifactType, Annotations: index.Annotations})
	for _, entry := range index.Manifests {
		if ok {
			break
		}
		kind, ok = KindOfEntry(entry)
	}
	return kind, ok
}

// AnyOf reports whether is returns true for one of the kinds in names, which are separated by commas. If names is "", which means
// any kind, AnyOf returns the result of is("").
func AnyOf(names string, is func(name string) bool) bool {
	return slices.ContainsFunc(strings.Split(names, ","), is)
}
