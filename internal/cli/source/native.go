package source

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ArtifactName returns the name by which native clients find the artifact: the one that its files or the declaration have, else its title. It may be empty.
func (s *Source) ArtifactName() string {
	return cmp.Or(s.Plan.Name, s.Plan.Annotations[ocispec.AnnotationTitle])
}

// CanEndRepository reports whether a repository can end in the name of the artifact.
func (s *Source) CanEndRepository() bool {
	name := s.ArtifactName()
	return !strings.Contains(name, "/") && reference.ValidateRepository("", name, "") == nil
}

// version returns the version of the artifact: the ref name, which bottles have, else the declared version, else that in the files.
func (s *Source) version() string {
	annotations := s.Plan.Annotations
	return cmp.Or(annotations[ocispec.AnnotationRefName], s.Spec.Version, s.Plan.Cascade, annotations[ocispec.AnnotationVersion])
}

// VersionTag returns the version of the artifact as a tag. It is empty if that is not a valid tag. A "+" becomes "_", as in helm.
func (s *Source) VersionTag() string {
	tag := versionTag(s.version())
	if registry.ValidateTag(tag) != nil {
		return ""
	}
	return tag
}

func versionTag(version string) string { return strings.ReplaceAll(version, "+", "_") }

// VersionFault returns the reason why native clients can't find the version of the artifact in any registry, or "".
func (s *Source) VersionFault() string {
	version := s.version()
	err := registry.ValidateTag(versionTag(version))
	if err == nil || version == "" || !s.Plan.Kind.VersionTag {
		return ""
	}
	return fmt.Sprintf("the version %q, by which %s finds kind %q, can't be a tag: %v", version, strings.Join(s.Plan.Kind.Clients, ", "), s.Plan.Kind.Name, err)
}

// doubtNames adds a warning to the plan for a name or a version by which native clients find the artifact in a registry, if no repository
// or tag can have it.
func (s *Source) doubtNames() {
	kind, clients := s.Plan.Kind, strings.Join(s.Plan.Kind.Clients, ", ")
	if name := s.ArtifactName(); name != "" && (kind.NamedRepository || kind.NamedUse != "") && !s.CanEndRepository() {
		use := strings.TrimSpace("finds it " + kind.NamedUse)
		s.Plan.Warnings = append(s.Plan.Warnings, fmt.Sprintf("%s: no repository can end in the name %q, by which %s %s: it can only have lower-case letters and digits, "+
			"with '.', '_', '__', or '-' between them", kind.Name, name, clients, use))
	}
	if fault := s.VersionFault(); fault != "" {
		s.Plan.Warnings = append(s.Plan.Warnings, kind.Name+": "+fault)
	}
}
