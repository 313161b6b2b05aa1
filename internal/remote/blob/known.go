package blob

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/remote/api"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/internal/hashing"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Shared is the state that all transfers of one client share.
type Shared struct {
	Concurrency int    // one more than the connections that TrySlot can reserve
	CacheDir    string // directory for state that later processes use, such as that of interrupted uploads; may be empty
	OnePass     int64  // upload.OnePassFrom, or less in tests

	mu      sync.Mutex
	extra   int          // connections beyond the first of each download
	Queued  atomic.Int32 // blocks in the queues of all downloads
	Fetched atomic.Int64 // bytes fetched by all downloads
	Hashes  hashing.Group
	seen    sync.Map // seenKey → repository
}

// Store fetches the blobs of a repository, and holds the state for pushing them.
type Store struct {
	*api.Repository
	Shared *Shared

	mu       sync.Mutex
	mounts   mounting
	declines bool // the registry has answered a request to mount with a session or an error
	newOnce  sync.Once
	new      bool // the result of IsNew
}

// NewStore returns the store of a repository.
func NewStore(api *api.Repository, shared *Shared) *Store {
	return &Store{Repository: api, Shared: shared}
}

// WithName returns the store of another repository of the same registry, for reading.
func (r *Store) WithName(repository string) *Store {
	return NewStore(r.Repository.WithName(repository), r.Shared)
}

// CacheDir returns the path of a directory below the cache, or "" if cache is empty.
func CacheDir(cache, name string) string {
	if cache == "" {
		return ""
	}
	return filepath.Join(cache, name)
}

// mounting is how a registry answers a request to mount a blob from the same repository, according to earlier responses.
type mounting int

const (
	mountsUnknown mounting = iota
	MountsWork             // the response shows whether the blob exists
	MountsIgnored          // the registry always opens a session
)

// Mounting returns how the registry answers requests to mount, as recorded by LearnMounting.
func (r *Store) Mounting() mounting {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mounts
}

// LearnMounting records how the registry answered a request to mount.
func (r *Store) LearnMounting(m mounting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mounts = m
}

// LearnDecline records that the registry has declined a mount.
func (r *Store) LearnDecline() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.declines = true
}

// Declines reports whether the registry has declined a mount. A registry that never did may claim to have mounted blobs that it
// does not have.
func (r *Store) Declines() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.declines
}

// IsNew reports whether the repository is known to be empty: the registry has no list of its tags, and the cache has no record of
// an earlier push. It records the push. In an empty repository, a push need not check whether blobs exist.
func (r *Store) IsNew(ctx context.Context) bool {
	r.newOnce.Do(func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL("tags/list")+"?n=1", nil)
		if err != nil || !r.markPushed() {
			return
		}
		resp, err := r.Do(req)
		if err != nil {
			return
		}
		defer transport.Drain(resp)
		r.new = resp.StatusCode == http.StatusNotFound
	})
	return r.new
}

// markPushed records in the cache directory that this repository was pushed to. It returns false if a push was recorded before.
func (r *Store) markPushed() bool {
	dir := CacheDir(r.Shared.CacheDir, "pushed")
	if dir == "" {
		return true
	}
	if os.MkdirAll(dir, 0o700) != nil {
		return true
	}
	f, err := os.OpenFile(filepath.Join(dir, filelock.Key(r.Origin.String()+"/"+r.Name.Repository)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return !os.IsExist(err)
	}
	Sweep(dir)
	return f.Close() == nil
}

// seenKey is the key of a blob in Shared.seen.
type seenKey struct {
	host   string
	digest digest.Digest
}

// Saw records that a repository of a host has a blob.
func (s *Shared) Saw(host, repository string, desc ocispec.Descriptor) {
	s.seen.LoadOrStore(seenKey{host, desc.Digest}, repository)
}

// SawManifest records that a repository of a host has the blobs of a manifest.
func (s *Shared) SawManifest(host, repository string, data []byte) {
	var m struct {
		Config ocispec.Descriptor   `json:"config"`
		Layers []ocispec.Descriptor `json:"layers"`
	}
	if json.Unmarshal(data, &m) != nil {
		return
	}
	for _, desc := range append(m.Layers, m.Config) {
		if desc.Digest != "" {
			s.Saw(host, repository, desc)
		}
	}
}

// SeenIn returns a repository of the host that is known to have the blob.
func (s *Shared) SeenIn(host string, d digest.Digest) (repository string, ok bool) {
	from, ok := s.seen.Load(seenKey{host, d})
	if !ok {
		return "", false
	}
	return from.(string), true
}

// TrySlot reserves one of the additional connections that all downloads share; the first connection of each download needs none.
// It returns false if all of them are in use.
func (s *Shared) TrySlot() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.extra >= s.Concurrency-1 {
		return false
	}
	s.extra++
	return true
}

// ReleaseSlot releases a connection that TrySlot reserved.
func (s *Shared) ReleaseSlot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.extra--
}

// maxAge is the time for which Sweep keeps a file. Registries drop upload sessions after a week.
const maxAge = 7 * 24 * time.Hour

// Sweep removes the files in a directory that are older than maxAge.
func Sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > maxAge {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
