package prune

import (
	"context"
	"errors"
	"strings"

	"github.com/davit-oci/davit/internal/lists"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/errdef"
)

// findAttachedTags returns the tags of cosign and the referrers tag schema that are named after unneeded manifests. It adds the
// manifests of the other such tags, such as signatures, to the needed ones.
func (w *walker) findAttachedTags(ctx context.Context, needed map[digest.Digest]bool) ([]Tag, error) {
	names, err := w.repo.AllTags(ctx)
	if err != nil {
		return nil, err
	}
	var unneeded []Tag
	for _, name := range names {
		if !oci.IsReferrersTag(name) && !oci.IsCosignTag(name) {
			continue
		}
		desc, err := w.repo.Resolve(ctx, name)
		if errors.Is(err, errdef.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		unneeded = append(unneeded, Tag{Name: name, Digest: desc.Digest, desc: desc})
	}
	for n := -1; n != len(unneeded) && err == nil; { // a manifest that is needed now may be named by an earlier tag, as a signed signature is
		n = len(unneeded)
		unneeded = lists.Delete(unneeded, func(t Tag) bool {
			if err != nil || !needed[namedBy(t.Name)] {
				return false
			}
			err = w.addReachable(ctx, t.desc, needed)
			return true
		})
	}
	return unneeded, err
}

// addOrphans adds the referrers in lists of the referrers tag schema whose subjects no longer exist to the unneeded manifests, with their
// own referrers. It returns the given tags without those of manifests that exist and stay: others may use them by digest.
func (w *walker) addOrphans(ctx context.Context, tags []Tag, unneeded map[digest.Digest]bool) ([]Tag, error) {
	isGone := map[digest.Digest]bool{}
	for _, t := range tags {
		subject := namedBy(t.Name)
		if !oci.IsReferrersTag(t.Name) || unneeded[subject] {
			continue
		}
		_, err := w.repo.Resolve(ctx, subject.String())
		if err == nil {
			continue
		}
		if !errors.Is(err, errdef.ErrNotFound) {
			return nil, err
		}
		list, err := w.load(ctx, t.desc)
		if err != nil {
			return nil, err
		}
		if list == nil || !list.IsIndex() {
			continue // the tag has another use
		}
		isGone[subject] = true
		for _, entry := range list.Manifests {
			if !oci.Is(entry.MediaType) {
				continue
			}
			m, err := w.load(ctx, entry)
			if err != nil {
				return nil, err
			}
			if m == nil || m.Subject == nil || m.Subject.Digest != subject {
				continue // gone, or a referrer of another manifest
			}
			if err := w.addReachable(ctx, entry, unneeded); err != nil {
				return nil, err
			}
		}
	}
	return lists.Delete(tags, func(t Tag) bool {
		return oci.IsReferrersTag(t.Name) && !isGone[namedBy(t.Name)] && !unneeded[namedBy(t.Name)]
	}), nil
}

// namedBy returns the digest of the manifest that a tag of cosign or the referrers tag schema names.
func namedBy(tag string) digest.Digest {
	algorithm, rest, _ := strings.Cut(tag, "-")
	encoded, _, _ := strings.Cut(rest, ".")
	return digest.NewDigestFromEncoded(digest.Algorithm(algorithm), encoded)
}
