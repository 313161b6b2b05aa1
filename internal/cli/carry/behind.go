package carry

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/concurrency"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// leftBehind counts the attachments of copied artifacts that are not copied, for a note. A registry is asked about one artifact at most:
// its manifest, and each in its index, takes one request, or two if the registry has no referrers API. Layouts and archives take none.
type leftBehind struct {
	seen   map[digest.Digest]bool
	tooFar bool // a listing failed, took too long, or was left out
}

// maxAsked limits the manifests of an index whose attachments a registry lists.
const maxAsked = 32

// add counts the attachments of the artifacts in a result.
func (l *leftBehind) add(ctx context.Context, src, dst *app.Target, r *copyResult) {
	if all := r.each(); len(all) > 1 && !src.Ref.IsPath() || isSamePlace(src.Ref, dst.Ref) {
		return
	}
	ctx, cancel := fetch.ForHint(ctx)
	defer cancel()
	for _, one := range r.each() {
		if one.Skipped || l.tooFar {
			continue
		}
		subjects := []ocispec.Descriptor{{MediaType: one.MediaType, Digest: one.Digest, Size: one.Size}}
		if manifest.IsIndex(one.MediaType) {
			inside, _ := pack.Platforms(ctx, src.Target, subjects[0]) // an index may be empty
			if l.tooFar = len(inside) > maxAsked && !src.Ref.IsPath(); l.tooFar {
				inside = inside[:maxAsked]
			}
			subjects = append(subjects, inside...)
		}
		found := make([][]ocispec.Descriptor, len(subjects))
		err := concurrency.Each(ctx, len(subjects), func(ctx context.Context, i int) (err error) {
			found[i], err = fetch.ListReferrers(ctx, src.Target, subjects[i], "")
			return err
		})
		if l.tooFar = l.tooFar || err != nil; l.seen == nil {
			l.seen = map[digest.Digest]bool{}
		}
		for _, ref := range slices.Concat(found...) {
			l.seen[ref.Digest] = true
		}
	}
	for _, s := range r.Signatures {
		delete(l.seen, s.Digest) // the target has the same signature now
	}
}

// isSamePlace reports whether two references have the same repository, layout, or archive, whose artifacts share their attachments.
func isSamePlace(a, b registry.Reference) bool {
	if a.IsPath() || b.IsPath() {
		return a.IsPath() && b.IsPath() && filepath.Clean(a.Path) == filepath.Clean(b.Path)
	}
	return a.Registry == b.Registry && a.Repository == b.Repository
}

// note prints the number of attachments.
func (l *leftBehind) note(a *app.App) {
	switch n := len(l.seen); {
	case n == 0:
	case l.tooFar:
		a.Note("at least %s not copied; --referrers copies all", term.Plural(n, "attachment"))
	case n == 1:
		a.Note("1 attachment is not copied; --referrers copies it")
	default:
		a.Note("%d attachments are not copied; --referrers copies them", n)
	}
}
