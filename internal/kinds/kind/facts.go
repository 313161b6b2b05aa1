package kind

import (
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// CompleteFacts adds the name, the version, and the license from a manifest's annotations, unless facts already has them.
func CompleteFacts(facts []Fact, annotations map[string]string) []Fact {
	has := func(name string) bool {
		return slices.ContainsFunc(facts, func(f Fact) bool { return f.Name == name })
	}
	for i, f := range []Fact{{Name: "name", Value: annotations[ocispec.AnnotationTitle]}, {Name: "version", Value: annotations[ocispec.AnnotationVersion]}} {
		if f.Value != "" && !has(f.Name) {
			at := min(i, len(facts))
			facts = slices.Concat(facts[:at], []Fact{f}, facts[at:])
		}
	}
	if license := annotations[ocispec.AnnotationLicenses]; license != "" && !has("license") {
		facts = append(facts, Fact{Name: "license", Value: license})
	}
	return facts
}
