package publish

import (
	"cmp"
	"context"
	"fmt"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// warnOfMoves returns a warning for each moved tag that pointed to something else: to an artifact of another kind, or to one with another
// name. A failure only means that there is no warning. It takes a request for each tag, and two seconds at most.
func warnOfMoves(ctx context.Context, t *app.Target, result *pack.Result) (warnings []string) {
	if t == nil || len(result.Was) == 0 {
		return nil
	}
	ctx, cancel := fetch.ForHint(ctx)
	defer cancel()
	traits := fetch.TraitsOf(result.ArtifactType, result.Config, result.Layers, result.Annotations)
	for _, tag := range result.Tags {
		was := result.Was[tag]
		if was == "" {
			continue
		}
		if old, err := fetch.Resolve(ctx, t.Target, was.String()); err == nil {
			if change := describeChange(old.Traits(), traits, result.Kind); change != "" {
				warnings = append(warnings, fmt.Sprintf("the tag %s %s", tag, change))
			}
		}
	}
	return warnings
}

// describeChange describes how an artifact differs from the one that had its tag, in kind or else in name. It returns "" if they seem
// to be versions of the same artifact, or if the kind of the old one is unknown. name is the kind of the new one.
func describeChange(old, now mediatypes.Traits, name string) string {
	k, known := kinds.Recognize(old)
	other, _ := kinds.Recognize(now)
	was := k.Name
	if !known {
		was = cmp.Or(old.ArtifactType, old.ConfigType)
		if was == cmp.Or(now.ArtifactType, now.ConfigType) {
			return "" // of a kind file
		}
	}
	if was == "" || was == mediatypes.EmptyJSON {
		return "" // it has no type, as many indexes
	}
	if was != name && was != other.Name {
		return fmt.Sprintf("was of kind %s, and is of kind %s now", was, name)
	}
	if a, b := identity(k, old), identity(k, now); a != b && a != "" && b != "" {
		return fmt.Sprintf("was %.80q of kind %s, and is %.80q now", a, was, b)
	}
	return ""
}

// identity returns the name of an artifact in kinds where all versions share it, or "". Titles in other kinds describe the content.
func identity(k mediatypes.Kind, t mediatypes.Traits) string {
	if !k.NamedRepository && k.NamedUse == "" {
		return ""
	}
	if title := t.Annotations[ocispec.AnnotationTitle]; title != "" {
		return title
	}
	if read := kinds.Of(k).Pull.Facts.Annotations; read != nil {
		facts, _ := read(t.Annotations)
		for _, f := range facts {
			if f.Name == "name" {
				return f.Value
			}
		}
	}
	return ""
}
