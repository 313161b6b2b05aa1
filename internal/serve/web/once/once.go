// Package once caches manifests, configs, and small files for one page, so that the parts of the page request each of them only once.
package once

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	orasregistry "oras.land/oras-go/v2/registry"
)

// maxKept limits the bytes that a target caches. Blobs beyond it are fetched each time.
const maxKept = 8 << 20

// Target is a target with a cache for one page. It is safe for concurrent use.
type Target struct {
	registry.Target

	mu   sync.Mutex
	kept map[digest.Digest][]byte
	refs map[string]ocispec.Descriptor
	size int
}

// New returns a target with an empty cache.
func New(t registry.Target) *Target {
	return &Target{Target: t, kept: map[digest.Digest][]byte{}, refs: map[string]ocispec.Descriptor{}}
}

// Fetch implements content.Fetcher. It verifies small blobs and caches them.
func (t *Target) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if data, ok := t.known(desc.Digest); ok && int64(len(data)) == desc.Size {
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	rc, err := t.Target.Fetch(ctx, desc)
	if err != nil || desc.Size > manifest.MaxSize || desc.Size < 0 {
		return rc, err
	}
	return t.keep(rc, desc)
}

// keep reads a small blob to its end, verifies it, and caches it.
func (t *Target) keep(rc io.ReadCloser, desc ocispec.Descriptor) (io.ReadCloser, error) {
	defer rc.Close()
	data, err := fetch.ReadAll(rc, desc)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.size+len(data) <= maxKept {
		t.kept[desc.Digest] = data
		t.size += len(data)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (t *Target) known(d digest.Digest) ([]byte, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	data, ok := t.kept[d]
	return data, ok
}

// Has reports whether a blob is cached.
func (t *Target) Has(d digest.Digest) bool {
	_, ok := t.known(d)
	return ok
}

// FetchReference returns the manifest of a tag or digest, in one request if the target supports that.
func (t *Target) FetchReference(ctx context.Context, ref string) (ocispec.Descriptor, io.ReadCloser, error) {
	t.mu.Lock()
	desc, found := t.refs[ref]
	t.mu.Unlock()
	if found {
		rc, err := t.Fetch(ctx, desc)
		return desc, rc, err
	}
	desc, rc, err := t.fetchReference(ctx, ref)
	if err != nil {
		return desc, nil, err
	}
	t.mu.Lock()
	t.refs[ref], t.refs[desc.Digest.String()] = desc, desc
	t.mu.Unlock()
	return desc, rc, nil
}

func (t *Target) fetchReference(ctx context.Context, ref string) (ocispec.Descriptor, io.ReadCloser, error) {
	fetcher, ok := t.Target.(orasregistry.ReferenceFetcher)
	if !ok {
		desc, err := t.Target.Resolve(ctx, ref)
		if err != nil {
			return desc, nil, err
		}
		rc, err := t.Fetch(ctx, desc)
		return desc, rc, err
	}
	desc, rc, err := fetcher.FetchReference(ctx, ref)
	if err != nil {
		return desc, nil, err
	}
	if err := fetch.CheckDocument(desc); err != nil {
		return desc, nil, fault.Join(err, rc.Close())
	}
	rc, err = t.keep(rc, desc)
	return desc, rc, err
}

// FetchRange implements registry.Ranger.
func (t *Target) FetchRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if data, ok := t.known(desc.Digest); ok && offset >= 0 && length >= 0 && offset <= int64(len(data))-length {
		return io.NopCloser(bytes.NewReader(data[offset : offset+length])), nil
	}
	if ranger, ok := t.Target.(registry.Ranger); ok {
		return ranger.FetchRange(ctx, desc, offset, length)
	}
	rc, err := t.Target.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, rc, offset); err != nil {
		return nil, fault.Join(err, rc.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(rc, length), rc}, nil
}

// LearnTags lets the target list its tags in advance, if it can.
func (t *Target) LearnTags(ctx context.Context) {
	if learner, ok := t.Target.(interface{ LearnTags(context.Context) }); ok {
		learner.LearnTags(ctx)
	}
}

// LacksTag reports whether the target knows its tags and does not have this one.
func (t *Target) LacksTag(tag string) bool {
	knower, ok := t.Target.(interface{ LacksTag(tag string) bool })
	return ok && knower.LacksTag(tag)
}

var (
	_ content.Fetcher               = (*Target)(nil)
	_ orasregistry.ReferenceFetcher = (*Target)(nil)
	_ registry.Ranger               = (*Target)(nil)
)
