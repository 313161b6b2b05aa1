package api

import (
	"bytes"
	"context"
	"errors"
	"mime"
	"net/http"
	"sync"

	"github.com/davit-oci/davit/internal/remote/transport"
	"github.com/davit-oci/davit/internal/untrusted"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Manifests fetches and stores manifests of a repository, and caches the last few.
type Manifests struct {
	api     *Repository
	OnFetch func(data []byte) // receives every fetched manifest
	cache   manifestCache
}

// Remember adds a pushed manifest to the cache.
func (m *Manifests) Remember(d digest.Digest, data []byte) { m.cache.put(d, data) }

// Forget removes a deleted manifest from the cache.
func (m *Manifests) Forget(d digest.Digest) { m.cache.drop(d) }

// NewManifests returns the manifests of a repository. The function onFetch receives every fetched manifest.
func NewManifests(api *Repository, onFetch func(data []byte)) *Manifests {
	return &Manifests{api: api, OnFetch: onFetch}
}

// Cached returns a recently fetched or pushed manifest.
func (m *Manifests) Cached(d digest.Digest) ([]byte, bool) { return m.cache.get(d) }

// manifestTypes are the media types accepted for a manifest.
const manifestTypes = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, " +
	"application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, " +
	"application/vnd.oci.artifact.manifest.v1+json"

// Get fetches a manifest and checks it. If the response is damaged or not a manifest, Get fetches it a second time.
func (m *Manifests) Get(ctx context.Context, reference string) (ocispec.Descriptor, []byte, error) {
	desc, data, _, err := m.GetOnce(ctx, reference)
	var violation transport.Violation
	if errors.Is(err, artifact.ErrRefused) || errors.As(err, &violation) {
		m.api.Client.Transport.Renew()
		desc, data, _, err = m.GetOnce(ctx, reference)
	}
	if err == nil {
		m.cache.put(desc.Digest, data)
		m.OnFetch(data)
	}
	return desc, data, err
}

// GetOnce is like Get, but requests the manifest only once, and also returns its ETag.
func (m *Manifests) GetOnce(ctx context.Context, reference string) (desc ocispec.Descriptor, data []byte, etag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.api.URL("manifests/"+reference), nil)
	if err != nil {
		return desc, nil, "", err
	}
	req.Header.Set("Accept", manifestTypes)
	resp, err := m.api.Do(req)
	if err != nil {
		return desc, nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return desc, nil, "", transport.ResponseError(resp)
	}
	if err := transport.WebPage(resp); err != nil {
		return desc, nil, "", err
	}
	data, err = ReadBounded(resp.Body, manifest.MaxSize)
	if err != nil {
		return desc, nil, "", err
	}
	desc, err = m.describe(resp, reference, data)
	return desc, data, resp.Header.Get("ETag"), err
}

// Put stores a manifest under a tag or digest, and returns the header of the response. If etag is not empty, Put fails unless
// the tag still has that ETag.
func (m *Manifests) Put(ctx context.Context, desc ocispec.Descriptor, data []byte, reference, etag string) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, m.api.URL("manifests/"+reference), bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", desc.MediaType)
	if etag != "" {
		req.Header.Set("If-Match", etag)
	}
	resp, err := m.api.Do(req)
	if err != nil {
		return nil, err
	}
	defer transport.Drain(resp)
	if resp.StatusCode/100 != 2 {
		return nil, transport.ResponseError(resp)
	}
	if d := resp.Header.Get("Docker-Content-Digest"); d != "" && d != desc.Digest.String() {
		return nil, artifact.Refused(desc.Digest.String(), "the registry stored the manifest as %q", untrusted.Line(d, 200))
	}
	return resp.Header, nil
}

// describe checks a manifest that was fetched for reference, and returns its descriptor.
func (m *Manifests) describe(resp *http.Response, reference string, data []byte) (ocispec.Descriptor, error) {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	desc := ocispec.Descriptor{MediaType: mediaType, Size: int64(len(data))}
	header := digest.Digest(resp.Header.Get("Docker-Content-Digest"))
	if header.Validate() == nil {
		desc.Digest = header
	}
	if d := digest.Digest(reference); d.Validate() == nil {
		if desc.Digest != "" && desc.Digest != d {
			return desc, artifact.Refused(reference, "digest mismatch: the registry reports %q", desc.Digest)
		}
		desc.Digest = d
	}
	if !manifest.Is(mediaType) {
		desc.MediaType = "" // Content-Type is missing or generic: the media type in the body is used
	}
	if err := manifest.Check(desc, data); err != nil {
		return desc, err
	}
	if desc.Digest == "" {
		desc.Digest = digest.FromBytes(data)
	}
	if desc.MediaType == "" {
		desc.MediaType = manifest.TypeOf(data)
	}
	return desc, nil
}

// manifestCache keeps the last few manifests, so that resolving, fetching, and tagging one requests it only once.
type manifestCache struct {
	mu    sync.Mutex
	order []digest.Digest
	data  map[digest.Digest][]byte
	size  int
}

// maxCached limits the size of a manifestCache, in bytes.
const maxCached = 2 * manifest.MaxSize

func (m *manifestCache) get(d digest.Digest) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.data[d]
	return data, ok
}

func (m *manifestCache) put(d digest.Digest, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.data[d]; ok {
		return
	}
	if m.data == nil {
		m.data = map[digest.Digest][]byte{}
	}
	m.data[d], m.order, m.size = data, append(m.order, d), m.size+len(data)
	for m.size > maxCached {
		m.size -= len(m.data[m.order[0]])
		delete(m.data, m.order[0])
		m.order = m.order[1:]
	}
}

func (m *manifestCache) drop(d digest.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.size -= len(m.data[d])
	delete(m.data, d)
	for i, o := range m.order {
		if o == d {
			m.order = append(m.order[:i:i], m.order[i+1:]...)
			break
		}
	}
}
