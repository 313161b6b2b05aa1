package publish

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/source"
)

// checkFound returns a usage error if native clients don't find the artifact at the target: they expect its version or the tag of its kind
// as the tag, or its name as the last part of the repository.
func checkFound(s *source.Source, target registry.Reference) error {
	kind, version, clients := s.Plan.Kind, s.DefaultTag(), strings.Join(s.Plan.Kind.Clients, ", ")
	switch {
	case kind.NamedRepository && !endsInName(s, target):
		return &exit.UsageError{
			Err:  fmt.Errorf("the repository %q does not end in the name %q, by which %s finds kind %q", target.Name(), s.ArtifactName(), clients, kind.Name),
			Hint: adviseName(s, target) + ", or pass --force",
		}
	case s.VersionFault() != "":
		return &exit.UsageError{Err: errors.New(s.VersionFault()), Hint: "pack another version with --version, or pass --force"}
	case target.Tag == "" || target.Tag == version:
	case kind.Tag != "":
		return &exit.UsageError{
			Err:  fmt.Errorf("the tag %q is not %q, by which %s finds kind %q", target.Tag, kind.Tag, clients, kind.Name),
			Hint: "leave the tag out, or pass --force",
		}
	case kind.VersionTag:
		return &exit.UsageError{
			Err:  fmt.Errorf("the tag %q is not the version %q, by which %s finds kind %q", target.Tag, version, clients, kind.Name),
			Hint: "leave the tag out and add other tags with --tag, pack another version with --version, or pass --force",
		}
	}
	return nil
}

// warnOfName prints a warning if the repository of an artifact has too few parts for native clients, or does not end in its name, and that
// rules out one use of it. The plan has a warning of a name in which no repository can end.
func warnOfName(a *app.App, s *source.Source, target registry.Reference) {
	kind, clients, name := s.Plan.Kind, strings.Join(s.Plan.Kind.Clients, ", "), s.ArtifactName()
	switch isNamed := endsInName(s, target); {
	case name == "" || target.IsPath() || !s.CanEndRepository():
	case kind.Namespaced && !strings.Contains(target.Repository, "/"):
		advice := adviseName(s, target)
		if isNamed {
			advice = "push it to " + target.Registry + "/NAMESPACE/" + name
		}
		a.Warn("%s can't find %s at oci://%s, because the repository has only one part: %s", clients, name, target.Name(), advice)
	case kind.NamedUse != "" && !isNamed:
		a.Warn("%s finds %s at oci://%s, but not %s, for which the repository must end in its name: %s",
			clients, name, target.Name(), kind.NamedUse, adviseName(s, target))
	}
}

// endsInName reports whether the repository of an artifact ends in its name. Paths have no repository, and an artifact may have no name.
func endsInName(s *source.Source, target registry.Reference) bool {
	name := s.ArtifactName()
	return target.IsPath() || name == "" || path.Base(target.Repository) == name
}

// adviseName returns advice to push an artifact to a repository below the target that ends in its name, or to rename it.
func adviseName(s *source.Source, target registry.Reference) string {
	name := target.Name() + "/" + s.ArtifactName()
	if ref, err := registry.Parse(name); err != nil || ref.Name() != name {
		return fmt.Sprintf("rename it, because no repository can end in %q", s.ArtifactName())
	}
	return "push it to " + name
}
