package kind

import (
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// FilesFact is the name of the fact that lists the first files.
const FilesFact = "files"

// Fact is one fact about an artifact, such as its license.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Option is an option that the users of an artifact can set. Its default and its values are JSON, except that strings have no quotes.
type Option struct {
	Name        string   `json:"name"`
	Type        string   `json:"type,omitempty"`
	Default     string   `json:"default,omitempty"`
	Values      []string `json:"values,omitempty"`
	Description string   `json:"description,omitempty"`
}

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
