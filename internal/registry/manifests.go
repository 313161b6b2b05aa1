package registry

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// manifestStore fetches manifests and remembers the last few.
type manifestStore struct {
	api   *apiRepository
	saw   func(data []byte) // told every manifest that was fetched
	cache manifestCache
}

// cached returns a manifest that was fetched or pushed a moment ago.
func (m *manifestStore) cached(d digest.Digest) ([]byte, bool) { return m.cache.get(d) }

// manifestTypes is what may come for a manifest.
const manifestTypes = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, " +
	"application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, " +
	"application/vnd.oci.artifact.manifest.v1+json"

// get fetches a manifest and checks it; a damaged one a second time.
func (m *manifestStore) get(ctx context.Context, reference string) (ocispec.Descriptor, []byte, error) {
	desc, data, _, err := m.getOnce(ctx, reference)
	if errors.Is(err, artifact.ErrRefused) {
		m.api.client.transport.renew()
		desc, data, _, err = m.getOnce(ctx, reference)
	}
	if err == nil {
		m.cache.put(desc.Digest, data)
		m.saw(data)
	}
	return desc, data, err
}

func (m *manifestStore) getOnce(ctx context.Context, reference string) (desc ocispec.Descriptor, data []byte, etag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.api.url("manifests/"+reference), nil)
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
		return desc, nil, "", answered(resp)
	}
	data, err = readBounded(resp.Body, manifest.MaxSize)
	if err != nil {
		return desc, nil, "", err
	}
	desc, err = m.described(resp, reference, data)
	return desc, data, resp.Header.Get("ETag"), err
}

// described makes the descriptor of a manifest that came for reference, and checks it.
func (m *manifestStore) described(resp *http.Response, reference string, data []byte) (ocispec.Descriptor, error) {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	desc := ocispec.Descriptor{MediaType: mediaType, Size: int64(len(data))}
	header := digest.Digest(resp.Header.Get("Docker-Content-Digest"))
	if header.Validate() == nil {
		desc.Digest = header
	}
	if d := digest.Digest(reference); d.Validate() == nil {
		if desc.Digest != "" && desc.Digest != d {
			return desc, artifact.Refused(reference, "the registry calls the manifest %q", desc.Digest)
		}
		desc.Digest = d
	}
	if !manifest.Is(mediaType) {
		desc.MediaType = "" // a registry that names no type, or a plain one: the body says it
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

// manifestCache keeps the last few manifests, so that resolving, fetching and tagging one asks for it once.
type manifestCache struct {
	mu    sync.Mutex
	order []digest.Digest
	data  map[digest.Digest][]byte
	size  int
}

// maxCached bounds what a manifestCache holds.
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
