package fetch

import (
	"context"
	"errors"
	"time"

	"github.com/davit-oci/davit/internal/manifest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// MaxReferrers limits the referrers that are listed at once: a subject with more is hostile or broken.
const MaxReferrers = 10_000

// Referrers calls fn with pages of the manifests whose subject is the given one. It uses the referrers API, the tag schema, or
// the graph of the source, and checks the descriptors. A subject that does not exist has no referrers.
func Referrers(ctx context.Context, src content.ReadOnlyGraphStorage, subject ocispec.Descriptor, artifactType string,
	fn func(page []ocispec.Descriptor) error) error {
	checked := func(page []ocispec.Descriptor) error {
		for _, desc := range page {
			if err := CheckDocument(desc); err != nil {
				return err
			}
		}
		return fn(page)
	}
	var err error
	if lister, ok := src.(registry.ReferrerLister); ok {
		err = lister.Referrers(ctx, subject, artifactType, checked)
	} else {
		var all []ocispec.Descriptor
		if all, err = registry.Referrers(ctx, src, subject, artifactType); err == nil {
			err = checked(all)
		}
	}
	if errors.Is(err, errdef.ErrNotFound) {
		return nil
	}
	return err
}

// ListReferrers returns the manifests that Referrers lists, of every artifact type if artifactType is empty. It fails
// with artifact.ErrRefused for more than MaxReferrers.
func ListReferrers(ctx context.Context, src content.ReadOnlyGraphStorage, subject ocispec.Descriptor, artifactType string) (
	[]ocispec.Descriptor, error) {
	var all []ocispec.Descriptor
	var budget ReferrerBudget
	err := Referrers(ctx, src, subject, artifactType, func(page []ocispec.Descriptor) error {
		if err := budget.Take(subject, page); err != nil {
			return err
		}
		all = append(all, page...)
		return nil
	})
	return all, err
}

// maxLateFlush limits the time for listing the referrers that were pushed before an error.
const maxLateFlush = 10 * time.Second

// BatchReferrers calls push, which pushes referrers. If the client maintains the lists of the target's referrers, because
// the target has no referrers API, each list is written once, after push.
func BatchReferrers(ctx context.Context, target any, push func() error) error {
	batcher, ok := target.(interface {
		BatchReferrers()
		FlushReferrers(ctx context.Context) error
	})
	if !ok {
		return push()
	}
	batcher.BatchReferrers()
	err := push()
	if err == nil {
		return batcher.FlushReferrers(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxLateFlush)
	defer cancel()
	_ = batcher.FlushReferrers(ctx) // the first error is returned; the next run lists the rest
	return err
}

// IsDenied reports whether a registry denied a request. Docker Hub and GHCR deny access to repositories that do not
// exist yet.
func IsDenied(err error) bool {
	var answer *errcode.ErrorResponse
	return errors.As(err, &answer) && (answer.StatusCode == 401 || answer.StatusCode == 403)
}

// CosignManifest is a manifest that cosign stores under a tag derived from the digest of its subject.
type CosignManifest struct {
	Tag  string
	Desc ocispec.Descriptor
}

// CosignManifests returns the manifests that cosign stores for a subject under the tags sha256-….sig, .att, and .sbom.
// It takes three requests, or none for a source that knows its tags.
func CosignManifests(ctx context.Context, src oras.ReadOnlyTarget, subject ocispec.Descriptor) ([]CosignManifest, error) {
	var all []CosignManifest
	known, _ := src.(interface{ LacksTag(tag string) bool })
	for _, tag := range manifest.CosignTags(subject.Digest) {
		if known != nil && known.LacksTag(tag) {
			continue
		}
		desc, err := src.Resolve(ctx, tag)
		if errors.Is(err, errdef.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		desc.ArtifactType = "" // an index.json may have any value here
		all = append(all, CosignManifest{tag, desc})
	}
	return all, nil
}
