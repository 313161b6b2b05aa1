package fetch

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/untrusted"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry"
)

// Limits of lists, which may have any number of pages.
const (
	maxTags      = 1_000_000
	maxTagBytes  = 32 << 20
	maxTagLength = 128 // bytes; distribution specification, "Pulling manifests"

	maxReferrerBytes = 24 << 20
)

// Limits of lists that are only for a hint.
const (
	maxHintTime = 2 * time.Second
	maxHintTags = 1000
)

// ListTags returns all tags of a source, in its order. It fails with artifact.ErrRefused if a tag is too long, or if there are more
// than a million tags.
func ListTags(ctx context.Context, src registry.TagLister) ([]string, error) {
	var all []string
	size := 0
	err := src.Tags(ctx, "", func(page []string) error {
		for _, tag := range page {
			if len(tag) > maxTagLength {
				return artifact.Refused("", "tag too long: %q... has %d bytes, limit is %d",
					untrusted.Line(tag[:maxTagLength/2], maxTagLength), len(tag), maxTagLength)
			}
			size += len(tag)
		}
		if all = append(all, page...); len(all) > maxTags || size > maxTagBytes {
			return artifact.Refused("", "too many tags: limit is %d, and %d MiB in total", maxTags, maxTagBytes>>20)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// errEnough ends a listing after the first page.
var errEnough = errors.New("enough")

// ForHint returns a context for requests that only serve a hint. It ends after maxHintTime.
func ForHint(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, maxHintTime)
}

// SomeTags returns tags of a source for a hint: at most maxHintTags tags of the first page. It fails if the page does not arrive
// within maxHintTime.
func SomeTags(ctx context.Context, src registry.TagLister) ([]string, error) {
	ctx, cancel := ForHint(ctx)
	defer cancel()
	var some []string
	err := src.Tags(ctx, "", func(page []string) error {
		some = page[:min(len(page), maxHintTags)]
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return some, err
}

// A ReferrerBudget limits the referrers, of one or more listings, that are in memory at once. The zero value is ready to use.
type ReferrerBudget struct{ count, size atomic.Int64 }

// Take counts a page of a subject's referrers. It fails with artifact.ErrRefused if there are more than MaxReferrers, or if
// their descriptors take more than maxReferrerBytes.
func (b *ReferrerBudget) Take(subject ocispec.Descriptor, page []ocispec.Descriptor) error {
	size := 0
	for _, desc := range page {
		for key, value := range desc.Annotations {
			size += len(key) + len(value) + 64 // 64 for the entry in the map
		}
		size += len(desc.ArtifactType) + len(desc.MediaType) + len(desc.Data)
	}
	switch {
	case b.count.Add(int64(len(page))) > MaxReferrers:
		return artifact.Refused(subject.Digest.String(), "too many referrers: limit is %d", MaxReferrers)
	case b.size.Add(int64(size)) > maxReferrerBytes:
		return artifact.Refused(subject.Digest.String(), "list of referrers too large: limit is %d MiB", maxReferrerBytes>>20)
	}
	return nil
}
