package fetch

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/untrusted"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry"
)

// Limits of lists, which come in any number of pages.
const (
	maxTags      = 1_000_000
	maxTagBytes  = 32 << 20
	maxTagLength = 128 // distribution specification, "Pulling manifests"

	maxReferrerBytes = 24 << 20
)

// Limits of lists that are only for a hint.
const (
	maxHintTime = 2 * time.Second
	maxHintTags = 1000
)

// ListTags returns all tags of a source, in its order. It fails with artifact.ErrRefused if there are more than a million.
func ListTags(ctx context.Context, src registry.TagLister) ([]string, error) {
	var all []string
	size := 0
	err := src.Tags(ctx, "", func(page []string) error {
		for _, tag := range page {
			if len(tag) > maxTagLength {
				return artifact.Refused("", "a tag of %d characters, %q ..., is too long: the limit is %d", utf8.RuneCountInString(tag),
					untrusted.Line(tag[:maxTagLength/2], maxTagLength), maxTagLength)
			}
			size += len(tag)
		}
		if all = append(all, page...); len(all) > maxTags || size > maxTagBytes {
			return artifact.Refused("", "too many tags: the limit is %d, with %d bytes", maxTags, maxTagBytes)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// errEnough ends a listing.
var errEnough = errors.New("enough")

// ForHint returns a context for requests whose answers are only for a hint. It ends after two seconds.
func ForHint(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, maxHintTime)
}

// SomeTags returns the first tags of a source for a hint: at most one page, within two seconds.
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

// A ReferrerBudget limits the referrers that one or several listings keep in memory. The zero value is empty.
type ReferrerBudget struct{ count, size atomic.Int64 }

// Take adds a page of referrers of a subject. It fails with artifact.ErrRefused if there are more than MaxReferrers, or if their annotations
// have more than 24 MiB.
func (b *ReferrerBudget) Take(subject ocispec.Descriptor, page []ocispec.Descriptor) error {
	size := 0
	for _, desc := range page {
		for key, value := range desc.Annotations {
			size += len(key) + len(value) + 64 // with the memory of the map
		}
		size += len(desc.ArtifactType) + len(desc.MediaType) + len(desc.Data)
	}
	switch {
	case b.count.Add(int64(len(page))) > MaxReferrers:
		return artifact.Refused(subject.Digest.String(), "too many referrers: the limit is %d", MaxReferrers)
	case b.size.Add(int64(size)) > maxReferrerBytes:
		return artifact.Refused(subject.Digest.String(), "the annotations of its referrers are too large: the limit is %d bytes", maxReferrerBytes)
	}
	return nil
}
