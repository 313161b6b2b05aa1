package registry

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/davit-oci/davit/internal/hashing"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// blobShared is what all transfers of one client share.
type blobShared struct {
	concurrency int    // connections
	cacheDir    string // of uploads that were interrupted; empty: none
	onePass     int64  // onePassFrom, or less in tests

	mu      sync.Mutex
	extra   int          // connections beyond the first of each download
	queued  atomic.Int32 // blocks that wait for the hashes of downloads
	fetched atomic.Int64 // bytes of downloads
	hashes  hashing.Group
	seen    sync.Map // seenKey → repository
}

// blobStore sends and fetches the blobs of a repository.
type blobStore struct {
	*apiRepository
	shared *blobShared

	mu      sync.Mutex
	mounts  mounting
	newOnce sync.Once
	new     bool
}

// cacheDir is a directory below the cache; "": there is no cache.
func cacheDir(cache, name string) string {
	if cache == "" {
		return ""
	}
	return filepath.Join(cache, name)
}

// mounting is what is known of a registry's answer to "mount this blob from this very repository".
type mounting int

const (
	mountsUnknown mounting = iota
	mountsWork             // it tells whether the blob is there
	mountsIgnored          // it opens a session in any case
)

func (r *blobStore) knowledge() mounting {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mounts
}

func (r *blobStore) learn(m mounting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mounts = m
}

// isNew tells whether the repository is known to have nothing: the registry has no tags of it, and no earlier process
// began to push to it. Then no blob needs to be looked for.
func (r *blobStore) isNew(ctx context.Context) bool {
	r.newOnce.Do(func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url("tags/list")+"?n=1", nil)
		if err != nil || !r.firstPush() {
			return
		}
		resp, err := r.Do(req)
		if err != nil {
			return
		}
		defer drain(resp)
		r.new = resp.StatusCode == http.StatusNotFound
	})
	return r.new
}

// firstPush leaves a mark in the cache that this repository was pushed to. False: there was one.
func (r *blobStore) firstPush() bool {
	dir := cacheDir(r.shared.cacheDir, "pushed")
	if dir == "" {
		return true
	}
	if os.MkdirAll(dir, 0o700) != nil {
		return true
	}
	f, err := os.OpenFile(filepath.Join(dir, keyOf(r.origin.String()+"/"+r.name.Repository)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return !os.IsExist(err)
	}
	sweep(dir)
	return f.Close() == nil
}

// seenKey is a blob at a host.
type seenKey struct {
	host   string
	digest digest.Digest
}

// saw remembers that a repository of a host has a blob.
func (s *blobShared) saw(host, repository string, desc ocispec.Descriptor) {
	s.seen.LoadOrStore(seenKey{host, desc.Digest}, repository)
}

// sawManifest remembers what a manifest of a repository consists of.
func (s *blobShared) sawManifest(host, repository string, data []byte) {
	var m struct {
		Config ocispec.Descriptor   `json:"config"`
		Layers []ocispec.Descriptor `json:"layers"`
	}
	if json.Unmarshal(data, &m) != nil {
		return
	}
	for _, desc := range append(m.Layers, m.Config) {
		if desc.Digest != "" {
			s.saw(host, repository, desc)
		}
	}
}

// seenIn is a repository of the host that has the blob, as far as this client knows.
func (s *blobShared) seenIn(host string, d digest.Digest) (repository string, ok bool) {
	from, ok := s.seen.Load(seenKey{host, d})
	if !ok {
		return "", false
	}
	return from.(string), true
}
