package mediatypes

import (
	"slices"
	"strings"
)

// Traits are what tells the kind of a manifest or an index: no more than a listing has read anyway.
type Traits struct {
	ArtifactType string            // of the manifest, or of its entry in an index
	ConfigType   string            // media type of the config
	Layers       []LayerTraits     // of the manifest; may be empty where only a descriptor is known
	Annotations  map[string]string // of the manifest or index
}

// LayerTraits are the media type and the title of a layer.
type LayerTraits struct{ MediaType, Title string }

// Type is what people and referrer filters call the type of an artifact: artifactType, else the config's media type.
func (t Traits) Type() string {
	if t.ArtifactType != "" {
		return t.ArtifactType
	}
	return t.ConfigType
}

// Vague tells whether a listing of referrers says too little to tell the kind by it: cosign lists its bundles without the
// annotations that tell signatures from attestations, and others list no type.
func (t Traits) Vague() bool {
	return t.ArtifactType == "" || t.Annotations == nil && strings.Contains(t.ArtifactType, "sigstore.bundle")
}

// Recognise tells which kind wrote a manifest. Tests that look at layers and annotations come first, because the types
// of some kinds are shared; then the artifactType, the config's media type, and the first layer's media type for kinds
// whose type is that of their layer. What fits no kind is generic, and false.
func Recognise(t Traits) (Kind, bool) {
	for _, s := range signs {
		if s.shows(t) {
			if k, ok := Lookup(s.kind); ok {
				return k, true
			}
		}
	}
	if k, ok := ByArtifactType(t.ArtifactType); ok {
		return k, true
	}
	if k, ok := ByArtifactType(t.ConfigType); ok {
		return k, true
	}
	if len(t.Layers) > 0 {
		if k, ok := ByArtifactType(t.Layers[0].MediaType); ok && k.TypeFromLayer {
			return k, true
		}
	}
	if t.ArtifactType == "" && OfImage(t.ConfigType) {
		return image, true
	}
	return generic, false
}

// ByArtifactType finds the kind that a type of an artifact (see Traits.Type) belongs to. The empty config and the image
// config belong to none.
func ByArtifactType(t string) (Kind, bool) {
	if t == "" || t == EmptyJSON || OfImage(t) {
		return Kind{}, false
	}
	for _, k := range All() {
		if k.Has(t) {
			return k, true
		}
	}
	return Kind{}, false
}

// sign is a test for a kind that its types alone don't tell apart from another.
type sign struct {
	kind  string
	shows func(Traits) bool
}

// signs are tried in this order.
var signs = []sign{
	{"signature", func(t Traits) bool {
		content := t.Annotations[BundleContent]
		return content == "message-signature" || content != "" && t.Annotations[BundlePredicateType] == CosignStatement ||
			t.has(SimpleSigning) || t.Type() == NotarySignature
	}},
	{"attestation", func(t Traits) bool { return t.ArtifactType == "" && (t.all(InToto) || t.all(DSSE)) }},
	{"bottle", func(t Traits) bool {
		return t.Annotations[GitHubPackageType] == "homebrew_bottle" || t.Annotations[BottleDigest] != ""
	}},
	{"collection", func(t Traits) bool { return t.ConfigType == DevContainer && t.has(DevContainerCollection) }},
	{"template", func(t Traits) bool {
		return t.ConfigType == DevContainer && t.titled("devcontainer-template-")
	}},
	{"feature", func(t Traits) bool { return t.ConfigType == DevContainer }},
	{"vex", func(t Traits) bool { return t.ArtifactType == VEXArtifact }},
	{"volume", func(t Traits) bool { return t.Annotations[KindAnnotation] == "volume" }},
}

// has tells whether a layer has that media type.
func (t Traits) has(mediaType string) bool {
	return slices.ContainsFunc(t.Layers, func(l LayerTraits) bool { return l.MediaType == mediaType })
}

// all tells whether there are layers and each has that media type.
func (t Traits) all(mediaType string) bool {
	return len(t.Layers) > 0 && !slices.ContainsFunc(t.Layers, func(l LayerTraits) bool { return l.MediaType != mediaType })
}

// titled tells whether a layer's title begins so.
func (t Traits) titled(prefix string) bool {
	return slices.ContainsFunc(t.Layers, func(l LayerTraits) bool { return strings.HasPrefix(l.Title, prefix) })
}
