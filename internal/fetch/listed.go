package fetch

import (
	"context"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// Listed remembers the referrers that a registry listed for each subject. A registry without a referrers API may have
// stored a referrer without listing it, if the push was interrupted.
type Listed struct {
	of map[digest.Digest]map[digest.Digest]bool
}

// Has reports whether a registry lists a manifest as a referrer of a subject. It returns true if the
// registry denies access to the list.
func (l *Listed) Has(ctx context.Context, target content.ReadOnlyGraphStorage, subject, referrer digest.Digest) (bool, error) {
	listed, ok := l.of[subject]
	if !ok {
		all, err := ListReferrers(ctx, target, ocispec.Descriptor{Digest: subject}, "")
		if IsDenied(err) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		listed = make(map[digest.Digest]bool, len(all))
		for _, r := range all {
			listed[r.Digest] = true
		}
		if l.of == nil {
			l.of = make(map[digest.Digest]map[digest.Digest]bool)
		}
		l.of[subject] = listed
	}
	return listed[referrer], nil
}
