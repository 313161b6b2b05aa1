package read

import (
	"context"
	"fmt"
	"slices"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds/kind"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// facts returns what the config says of the artifact, with its name, files, and license. Facts are optional: a config that
// can't be read gives none.
func (s *search) facts(ctx context.Context, m *fetch.Manifest) []kind.Fact {
	if s.kind.Pull.Facts == nil || s.opts.Path != "" || m.Config == nil || fetch.CheckDocument(*m.Config) != nil {
		return nil
	}
	config, err := fetch.FetchBlob(ctx, s.src, *m.Config)
	if err != nil {
		return nil
	}
	facts := s.kind.Pull.Facts(config)
	has := func(name string) bool {
		return slices.ContainsFunc(facts, func(f kind.Fact) bool { return f.Name == name })
	}
	for i, f := range []kind.Fact{{Name: "name", Value: m.Annotations[ocispec.AnnotationTitle]}, {Name: "version", Value: m.Annotations[ocispec.AnnotationVersion]}} {
		if f.Value != "" && !has(f.Name) {
			facts = slices.Insert(facts, min(i, len(facts)), f)
		}
	}
	if license := m.Annotations[ocispec.AnnotationLicenses]; license != "" && !has("license") {
		facts = append(facts, kind.Fact{Name: "license", Value: license})
	}
	if len(facts) > 0 && len(s.items) > 0 {
		facts = append(facts, kind.Fact{Name: "files", Value: s.countFiles()})
	}
	return facts
}

// countFiles says how many layers there are, and names the first few.
func (s *search) countFiles() string {
	const few = 8
	text := ""
	for i, it := range s.items[:min(len(s.items), few)] {
		if i > 0 {
			text += ", "
		}
		text += it.Name
	}
	if more := len(s.items) - few; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}
