package publish

import (
	"cmp"
	"context"
	"fmt"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxNamed limits the attachments that a note names.
const maxNamed = 8

// noteEarlier returns a note for each referrer in davit.yaml beside which an earlier one of the same type and name stays attached: a push
// removes nothing. After a push or preview that has nothing to send, it returns none. It asks only for notes, so it ignores errors, and
// takes two seconds at most. The commands in the notes name the subject as ref, or by its digest if ref has no tag.
func noteEarlier(ctx context.Context, t *app.Target, ref registry.Reference, result *pack.Result) (notes []string) {
	if t == nil || result.Skipped || len(result.Referrers) == 0 || result.Referrers[0].Subject == nil {
		return nil
	}
	ctx, cancel := fetch.ForHint(ctx)
	defer cancel()
	subject := *result.Referrers[0].Subject
	listed, err := referrers.List(ctx, t.Target, subject, referrers.Options{})
	if err != nil {
		return nil
	}
	if ref.Tag == "" {
		ref.Digest = subject.Digest
	}
	ours := map[digest.Digest]bool{}
	for _, r := range result.Referrers {
		ours[r.Digest] = true
	}
	for _, r := range result.Referrers {
		words := []string{"davit", "detach", ref.String()}
		count := len(words)
		name := cmp.Or(r.Kind, r.ArtifactType)
		for _, old := range listed {
			if !ours[old.Digest] && old.ArtifactType == r.ArtifactType && roleOf(old.Annotations) == roleOf(r.Annotations) {
				words = append(words, old.Digest.String())
			}
		}
		if title := r.Annotations[ocispec.AnnotationTitle]; title != "" {
			name += fmt.Sprintf(" %q", title)
		}
		switch n := len(words) - count; {
		case n == 1:
			notes = append(notes, fmt.Sprintf("%s: kept 1 earlier attachment of this name; to remove it: %s", name, shell.Command(words...)))
		case n > maxNamed:
			notes = append(notes, fmt.Sprintf("%s: kept %d earlier attachments of this name, which \"%s\" lists", name, n, shell.Command("davit", "discover", ref.String())))
		case n > 1:
			notes = append(notes, fmt.Sprintf("%s: kept %d earlier attachments of this name; to remove them: %s", name, n, shell.Command(words...)))
		}
	}
	return notes
}

// roleOf returns the name of an attachment and the type of its predicate, which together distinguish it from others of its type.
func roleOf(annotations map[string]string) [2]string {
	return [2]string{annotations[ocispec.AnnotationTitle], cmp.Or(annotations[mediatypes.PredicateType], annotations[mediatypes.BundlePredicateType])}
}
