package prune

import (
	"context"
	"errors"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
)

// Own returns what Referrers removes together with a referrer: its own referrers, such as the signature of an SBOM, and those of these.
// Each follows the manifest that it refers to. Those with a tag stay, with everything between them and the referrer, and with
// their referrers. If the tags are not known, all stay. Own fails with artifact.ErrRefused if there are more than 10,000.
func Own(ctx context.Context, src oras.ReadOnlyGraphTarget, referrer ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	all, subjects := []ocispec.Descriptor{referrer}, []int{0}
	for i := 0; i < len(all); i++ {
		listed, err := fetch.ListReferrers(ctx, src, all[i], "")
		if err != nil {
			return nil, err
		}
		if len(all)+len(listed) > fetch.MaxReferrers {
			return nil, artifact.Refused(referrer.Digest.String(), "too many referrers: limit is %d", fetch.MaxReferrers)
		}
		for _, r := range listed {
			m, err := fetch.Load(ctx, src, r)
			if err != nil && !errors.Is(err, errdef.ErrNotFound) {
				return nil, err
			}
			if err == nil && m.Subject != nil && m.Subject.Digest == all[i].Digest { // others are only in the list
				all, subjects = append(all, r), append(subjects, i)
			}
		}
	}
	if len(all) == 1 {
		return nil, nil
	}
	tagged, err := findTagged(ctx, src)
	if err != nil {
		return nil, ctx.Err()
	}
	stays := make([]bool, len(all))
	for i := len(all) - 1; i > 0; i-- {
		stays[i] = stays[i] || tagged[all[i].Digest]
		stays[subjects[i]] = stays[subjects[i]] || stays[i]
	}
	stays[0] = false
	var own []ocispec.Descriptor
	for i := 1; i < len(all); i++ {
		if stays[i] = stays[i] || stays[subjects[i]]; !stays[i] {
			own = append(own, all[i])
		}
	}
	return own, nil
}

// findTagged returns the digests of the manifests to which tags point.
func findTagged(ctx context.Context, src oras.ReadOnlyGraphTarget) (map[digest.Digest]bool, error) {
	var tags []string
	err := errdef.ErrUnsupported
	if layout, ok := src.(interface { // several repositories in it may have the same tag
		FullTags(ctx context.Context) ([]string, error)
	}); ok {
		tags, err = layout.FullTags(ctx)
	} else if lister, ok := src.(registry.TagLister); ok {
		tags, err = fetch.ListTags(ctx, lister)
	}
	tagged := map[digest.Digest]bool{}
	for _, tag := range tags {
		if oci.IsReferrersTag(tag) {
			continue
		}
		desc, err := src.Resolve(ctx, tag)
		if err != nil && !errors.Is(err, errdef.ErrNotFound) {
			return nil, err
		}
		tagged[desc.Digest] = true
	}
	return tagged, err
}

// removeOwn removes the own referrers of a removed one, and the lists of these in the referrers tag schema.
func removeOwn(ctx context.Context, dst oras.GraphTarget, referrer ocispec.Descriptor, own []ocispec.Descriptor) error {
	for i := len(own) - 1; i >= 0; i-- {
		if err := Remove(ctx, dst, own[i:i+1]); err != nil {
			return err
		}
	}
	for _, desc := range append(own, referrer) {
		if err := removeList(ctx, dst, oci.ReferrersTag(desc.Digest)); err != nil {
			return err
		}
	}
	return nil
}

// removeList removes the list of the referrers tag schema under a tag, if there is one.
func removeList(ctx context.Context, dst oras.Target, tag string) error {
	desc, err := dst.Resolve(ctx, tag)
	if errors.Is(err, errdef.ErrNotFound) || err == nil && !oci.IsIndex(desc.MediaType) {
		return nil
	}
	if err != nil {
		return err
	}
	return Remove(ctx, dst, []ocispec.Descriptor{desc})
}
