package carry

import (
	"context"
	"path/filepath"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// leftBehind counts the attachments of copied artifacts that are not copied, for a note. A registry is asked about one artifact at most:
// each takes one request, or two if the registry has no referrers API. Layouts and archives take none.
type leftBehind struct {
	seen   map[digest.Digest]bool
	tooFar bool // a listing failed or took too long
}

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
		found, err := fetch.ListReferrers(ctx, src.Target, ocispec.Descriptor{MediaType: one.MediaType, Digest: one.Digest, Size: one.Size}, "")
		if l.tooFar = err != nil; l.seen == nil {
			l.seen = map[digest.Digest]bool{}
		}
		for _, ref := range found {
			l.seen[ref.Digest] = true
		}
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
	switch n := len(l.seen); n {
	case 0:
	case 1:
		a.Note("1 attachment is not copied; --referrers copies it")
	default:
		a.Note("%d attachments are not copied; --referrers copies them", n)
	}
}
