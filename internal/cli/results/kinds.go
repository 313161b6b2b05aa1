package results

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kindwords"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// KindNames returns the names of the kinds with their summaries, for completion.
func KindNames() []string {
	var words []string
	for _, k := range kinds.Data() {
		words = append(words, k.Name+"\t"+k.Summary)
	}
	return words
}

// CheckReferrerKinds returns an error if one of the names, separated by commas, is neither a kind nor a media type: no attachment
// could match it.
func CheckReferrerKinds(names string) error {
	for kind := range strings.SplitSeq(names, ",") {
		if err := checkReferrerKind(kind); err != nil {
			return err
		}
	}
	return nil
}

func checkReferrerKind(kind string) error {
	if _, known := kinds.Lookup(kind); known || kind == "" || strings.Contains(kind, "/") {
		return nil
	}
	hint := cmp.Or(SuggestKind(kind), "\"davit kinds\" lists the kinds; an artifactType is accepted, too")
	return &exit.UsageError{Err: fmt.Errorf("no such kind: %q", kind), Hint: hint}
}

// ListKinds formats kinds separated by commas for a message, such as "sbom or vex".
func ListKinds(names string) string { return strings.ReplaceAll(names, ",", " or ") }

// KindName returns the kind of a descriptor by its type and annotations, or "".
func KindName(desc ocispec.Descriptor) string {
	kind, ok := kinds.Recognize(mediatypes.Traits{ArtifactType: desc.ArtifactType, Annotations: desc.Annotations})
	if !ok {
		return ""
	}
	return kind.Name
}

// SuggestKinds is like SuggestKind, for names separated by commas.
func SuggestKinds(list string) string {
	for name := range strings.SplitSeq(list, ",") {
		if hint := SuggestKind(name); hint != "" {
			return hint
		}
	}
	return ""
}

// SuggestKind returns the hint for a name that is not a kind, or "" if it is a kind or not similar to any.
func SuggestKind(name string) string {
	var names []string
	for _, k := range kinds.Data() {
		if k.Name == name {
			return ""
		}
		names = append(names, k.Name)
	}
	return kindwords.Suggest(name, names)
}
