package referrers

import (
	"context"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// MaxEntries limits the manifests of an index that are read. It is also the maximum that one index may list.
const MaxEntries = 1000

// AttachedTo lists the attachments of a manifest in an index, or of an index that lists the manifest. Its JSON is for scripts.
type AttachedTo struct {
	Digest    digest.Digest     `json:"digest"`
	Platform  *ocispec.Platform `json:"platform,omitempty"`
	Tag       string            `json:"tag,omitempty"` // by which an index was found
	Referrers []*Referrer       `json:"referrers"`
}

// ListPlatforms lists the referrers of the manifests of an index, and the attestations that BuildKit put into the index
// for them. It leaves out manifests without referrers, and returns nil if subject is not an index. See List for its errors.
func ListPlatforms(ctx context.Context, src oras.ReadOnlyGraphTarget, subject ocispec.Descriptor, opts Options) (
	[]*AttachedTo, error) {
	if !oci.IsIndex(subject.MediaType) {
		return nil, nil
	}
	index, err := fetch.Load(ctx, src, subject)
	if err != nil {
		return nil, err
	}
	entries := lists.Delete(oci.Runnable(index.Manifests[:min(len(index.Manifests), MaxEntries)]), func(e ocispec.Descriptor) bool {
		return !oci.Is(e.MediaType)
	})
	w := NewLister(src, opts)
	lists, err := w.Each(ctx, entries)
	if err != nil {
		return nil, err
	}
	var all []*AttachedTo
	for _, e := range entries {
		found, err := w.addFromIndex(ctx, index, e, lists[e.Digest])
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			all = append(all, &AttachedTo{Digest: e.Digest, Platform: e.Platform, Referrers: found})
		}
	}
	return all, nil
}

// addFromIndex adds the index's attestations for one of its manifests.
func (w *Lister) addFromIndex(ctx context.Context, index *fetch.Manifest, of ocispec.Descriptor, found []*Referrer) ([]*Referrer, error) {
	for _, e := range oci.AttestationsOf(index.Manifests, of.Digest) {
		if w.seen[e.Digest] {
			continue
		}
		w.seen[e.Digest] = true
		m, err := fetch.Load(ctx, w.src, e)
		if err != nil {
			return nil, err
		}
		r := &Referrer{Digest: e.Digest, MediaType: e.MediaType, Size: e.Size}
		r.describe(m)
		r.complete()
		if kinds.AnyOf(w.opts.Kind, r.is) {
			found = append(found, r)
		}
	}
	return found, nil
}
