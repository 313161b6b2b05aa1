package registrytest

import (
	"crypto"
	_ "crypto/sha256" // both algorithms are used by newHash
	_ "crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// blob is the content of an upload, and of the blob that the finished upload becomes.
type blob struct {
	mu   sync.RWMutex
	file *os.File // nil if the content is in data
	data []byte
	size int64
}

// newBlob creates an empty blob in memory or in Options.Dir.
func (g *Registry) newBlob() (*blob, error) {
	if g.opts.Dir == "" {
		return &blob{}, nil
	}
	f, err := os.CreateTemp(g.opts.Dir, "blob-")
	if err != nil {
		return nil, err
	}
	return &blob{file: f}, nil
}

// Write appends p to the blob.
func (b *blob) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(p)
	if b.file != nil {
		var err error
		if n, err = b.file.WriteAt(p, b.size); err != nil {
			return n, err
		}
	} else {
		b.data = append(b.data, p...)
	}
	b.size += int64(n)
	return n, nil
}

// ReadAt implements io.ReaderAt for the bytes written so far.
func (b *blob) ReadAt(p []byte, off int64) (int, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.file != nil {
		return b.file.ReadAt(p, off)
	}
	if off >= int64(len(b.data)) {
		return 0, io.EOF
	}
	n := copy(p, b.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// len returns the number of bytes.
func (b *blob) len() int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.size
}

// truncate removes the bytes after the first size bytes.
func (b *blob) truncate(size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size = size
	if b.file == nil {
		b.data = b.data[:size]
	}
}

func (b *blob) reader() *io.SectionReader { return io.NewSectionReader(b, 0, b.len()) }

var digestPattern = regexp.MustCompile(`^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$`)

func newHash(digest string) hash.Hash {
	if strings.HasPrefix(digest, "sha512:") {
		return crypto.SHA512.New()
	}
	return crypto.SHA256.New()
}

// matches reports whether the blob has the digest.
func (b *blob) matches(digest string) bool {
	if !digestPattern.MatchString(digest) {
		return false
	}
	h := newHash(digest)
	io.Copy(h, b.reader())
	_, want, _ := strings.Cut(digest, ":")
	return hex.EncodeToString(h.Sum(nil)) == want
}

// AddBlob stores content in a repository, as if a client had pushed it, and returns its digest.
func (g *Registry) AddBlob(repo string, content []byte) string {
	h := crypto.SHA256.New()
	h.Write(content)
	digest := "sha256:" + hex.EncodeToString(h.Sum(nil))
	b := &blob{}
	b.Write(content)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.blobs[digest] = b
	g.repo(repo).blobs[digest] = true
	return digest
}

// Blob returns the content of a repository's blob, or false if the repository does not have it.
func (g *Registry) Blob(repo, digest string) ([]byte, bool) {
	b := g.find(repo, digest)
	if b == nil {
		return nil, false
	}
	data, err := io.ReadAll(b.reader())
	return data, err == nil
}

func (g *Registry) find(repo, digest string) *blob {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := g.repos[repo]; r == nil || !r.blobs[digest] {
		return nil
	}
	return g.blobs[digest]
}

func (g *Registry) serveBlob(w http.ResponseWriter, r *http.Request, repo, digest string) {
	if !digestPattern.MatchString(digest) {
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "malformed digest")
		return
	}
	b := g.find(repo, digest)
	if b == nil {
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		w.Header().Set("Docker-Content-Digest", digest)
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("ETag", fmt.Sprintf("%q", digest))
		g.send(w, r, b)
	case http.MethodDelete:
		g.mu.Lock()
		delete(g.repos[repo].blobs, digest)
		g.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	default:
		respondNotAllowed(w, r)
	}
}

// send answers with the blob or the requested range.
func (g *Registry) send(w http.ResponseWriter, r *http.Request, b *blob) {
	if !g.opts.NoRange {
		http.ServeContent(w, r, "", time.Time{}, b.reader())
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(b.len()))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		io.Copy(w, b.reader())
	}
}
