package carry

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

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

// leftBehind counts the attachments of copied artifacts that are not copied, for a note. A registry is asked after all are copied: each
// manifest, those in indexes included, takes one request, or two if the registry has no referrers API. Layouts and archives take none.
type leftBehind struct {
	manifests []copiedFrom
	known     map[place]bool         // those in manifests
	isPart    bool                   // a listing failed, took too long, or was left out
	present   map[digest.Digest]bool // what the targets have: copied artifacts, and signatures that the copy made
}

// place is a manifest in a repository, layout, or archive.
type place struct {
	name   string
	digest digest.Digest
}

// copiedFrom is a manifest of a copied artifact, with its source. Manifests in an index have the owner of the index.
type copiedFrom struct {
	src   *app.Target
	desc  ocispec.Descriptor
	owner int
}

// Limits of the note: manifests whose attachments registries list, and the time for that if several artifacts were copied.
const (
	maxAsked   = 1000
	maxAskTime = 10 * time.Second
)

// add remembers the artifacts in a result.
func (l *leftBehind) add(src, dst *app.Target, r *copyResult) {
	if isSamePlace(src.Ref, dst.Ref) {
		return
	}
	if l.known == nil {
		l.known, l.present = map[place]bool{}, map[digest.Digest]bool{}
	}
	for _, s := range r.Signatures {
		l.present[s.Digest] = true
	}
	for _, one := range r.each() {
		l.present[one.Digest] = true // an attachment may have a tag, and be copied as an artifact
		if !one.Skipped {
			l.remember(src, ocispec.Descriptor{MediaType: one.MediaType, Digest: one.Digest, Size: one.Size}, len(l.manifests))
		}
	}
}

// remember adds a manifest, unless it is known, or a registry would be asked about too many.
func (l *leftBehind) remember(src *app.Target, desc ocispec.Descriptor, owner int) {
	at := place{src.Ref.Name(), desc.Digest}
	if l.known[at] {
		return
	}
	if l.isPart = l.isPart || len(l.known) >= maxAsked && !src.Ref.IsPath(); l.isPart {
		return
	}
	l.known[at] = true
	l.manifests = append(l.manifests, copiedFrom{src, desc, owner})
}

// count returns the number of attachments of the artifacts, and that of the artifacts that have some.
func (l *leftBehind) count(ctx context.Context) (attachments, artifacts int) {
	limit := fetch.ForHint
	if len(l.manifests) > 1 {
		limit = func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, maxAskTime)
		}
	}
	ctx, cancel := limit(ctx)
	defer cancel()
	roots := l.manifests
	inside := make([][]ocispec.Descriptor, len(roots))
	_ = concurrency.Each(ctx, len(roots), func(ctx context.Context, i int) error {
		if manifest.IsIndex(roots[i].desc.MediaType) {
			inside[i], _ = pack.Platforms(ctx, roots[i].src.Target, roots[i].desc) // an index may be empty
		}
		return nil
	})
	for i, one := range roots {
		for _, desc := range inside[i] {
			l.remember(one.src, desc, i)
		}
	}
	found, errs := make([][]ocispec.Descriptor, len(l.manifests)), make([]error, len(l.manifests))
	_ = concurrency.Each(ctx, len(l.manifests), func(ctx context.Context, i int) error {
		found[i], errs[i] = fetch.ListReferrers(ctx, l.manifests[i].src.Target, l.manifests[i].desc, "")
		return nil // the others count even if this listing fails
	})
	left, owners := map[digest.Digest]bool{}, map[int]bool{}
	for i, one := range l.manifests {
		l.isPart = l.isPart || errs[i] != nil
		for _, ref := range found[i] {
			if !l.present[ref.Digest] {
				left[ref.Digest], owners[one.owner] = true, true
			}
		}
	}
	return len(left), len(owners)
}

// note prints the number of attachments.
func (l *leftBehind) note(ctx context.Context, a *app.App) {
	n, artifacts := l.count(ctx)
	if n == 0 {
		return
	}
	text, verb, them := term.Plural(n, "attachment"), "are", "them"
	if n == 1 {
		verb, them = "is", "it"
	}
	if artifacts > 1 {
		text += fmt.Sprintf(" of %d artifacts", artifacts)
	}
	if l.isPart {
		text, them = "at least "+text, "all"
	}
	a.Note("%s %s not copied; --referrers copies %s", text, verb, them)
}

// isSamePlace reports whether two references have the same repository, layout, or archive, whose artifacts share their attachments.
func isSamePlace(a, b registry.Reference) bool {
	if a.IsPath() || b.IsPath() {
		return a.IsPath() && b.IsPath() && filepath.Clean(a.Path) == filepath.Clean(b.Path)
	}
	return a.Registry == b.Registry && a.Repository == b.Repository
}
