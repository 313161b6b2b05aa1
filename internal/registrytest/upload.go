package registrytest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// upload is an upload session.
type upload struct {
	mu    sync.Mutex // one request at a time
	repo  string
	body  *blob
	short bool // a chunk was smaller than ChunkMin: it must be the last
}

// serveUploads starts a session, mounts a blob, or stores one at once.
func (g *Registry) serveUploads(w http.ResponseWriter, r *http.Request, repo, _ string) {
	if r.Method != http.MethodPost {
		respondNotAllowed(w, r)
		return
	}
	query := r.URL.Query()
	if digest := query.Get("mount"); digest != "" && g.mount(repo, query.Get("from"), digest) {
		respondStored(w, repo, digest)
		return
	}
	body, err := g.newBlob()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	up := &upload{repo: repo, body: body}
	g.mu.Lock()
	g.serial++
	id := fmt.Sprintf("session-%d", g.serial)
	g.uploads[id] = up
	g.mu.Unlock()
	if digest := query.Get("digest"); digest != "" && g.opts.OneStepPost {
		if g.receive(w, r, up) {
			g.finish(w, id, up, digest)
		}
		return
	}
	if g.opts.Limits.ChunkMin > 0 {
		w.Header().Set("OCI-Chunk-Min-Length", fmt.Sprint(g.opts.Limits.ChunkMin))
	}
	g.respondProgress(w, id, up, http.StatusAccepted)
}

// mount adds a blob of one repository to another, and reports whether it did.
func (g *Registry) mount(repo, from, digest string) bool {
	if g.opts.NoMount || g.find(from, digest) == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.repo(repo).blobs[digest] = true
	return true
}

// serveUpload continues a session.
func (g *Registry) serveUpload(w http.ResponseWriter, r *http.Request, repo, id string) {
	g.mu.Lock()
	up := g.uploads[id]
	g.mu.Unlock()
	if up == nil || up.repo != repo {
		refuse(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "upload unknown to registry")
		return
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	switch r.Method {
	case http.MethodGet:
		g.respondProgress(w, id, up, http.StatusNoContent)
	case http.MethodPatch:
		g.patch(w, r, id, up)
	case http.MethodPut:
		if checkOrder(w, r, up) && g.receive(w, r, up) {
			g.finish(w, id, up, r.URL.Query().Get("digest"))
		}
	case http.MethodDelete:
		g.ForgetUpload(id)
		w.WriteHeader(http.StatusNoContent)
	default:
		respondNotAllowed(w, r)
	}
}

func (g *Registry) patch(w http.ResponseWriter, r *http.Request, id string, up *upload) {
	if g.opts.NoPatch {
		respondNotAllowed(w, r)
		return
	}
	if !checkOrder(w, r, up) {
		return
	}
	if up.short {
		refuse(w, http.StatusBadRequest, "BLOB_UPLOAD_INVALID", "a chunk before this one was too small")
		return
	}
	before := up.body.len()
	if !g.receive(w, r, up) {
		return
	}
	up.short = up.body.len()-before < g.opts.Limits.ChunkMin
	g.respondProgress(w, id, up, http.StatusAccepted)
}

// checkOrder reports whether Content-Range continues the session, and answers 416 if not.
func checkOrder(w http.ResponseWriter, r *http.Request, up *upload) bool {
	header := r.Header.Get("Content-Range")
	if header == "" {
		return true
	}
	first, last, ok := strings.Cut(header, "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	size := up.body.len()
	wrongLength := r.ContentLength >= 0 && r.ContentLength != to-from+1
	if !ok || err1 != nil || err2 != nil || from != size || wrongLength {
		w.Header().Set("Range", rangeOf(size))
		refuse(w, http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", "the session is at offset "+fmt.Sprint(size))
		return false
	}
	return true
}

// receive appends the request body to the session, and answers the request if that fails. If the body breaks off, its first bytes
// are kept, unless Options.Forgetful is set.
func (g *Registry) receive(w http.ResponseWriter, r *http.Request, up *upload) bool {
	before := up.body.len()
	body := io.Reader(r.Body)
	if g.opts.Limits.MaxBody > 0 {
		if r.ContentLength > g.opts.Limits.MaxBody {
			refuse(w, http.StatusRequestEntityTooLarge, "SIZE_INVALID", "body is too large")
			return false
		}
		body = http.MaxBytesReader(w, r.Body, g.opts.Limits.MaxBody)
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{up.body}, body, make([]byte, 256<<10))
	if err == nil {
		return true
	}
	if g.opts.Forgetful {
		up.body.truncate(before)
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		up.body.truncate(before)
		refuse(w, http.StatusRequestEntityTooLarge, "SIZE_INVALID", "body is too large")
		return false
	}
	refuse(w, http.StatusBadRequest, "BLOB_UPLOAD_INVALID", err.Error())
	return false
}

// finish stores the bytes of a session as a blob if they have the digest.
func (g *Registry) finish(w http.ResponseWriter, id string, up *upload, digest string) {
	if !up.body.matches(digest) {
		g.ForgetUpload(id)
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content")
		return
	}
	g.mu.Lock()
	delete(g.uploads, id)
	g.blobs[digest] = up.body
	g.repo(up.repo).blobs[digest] = true
	g.mu.Unlock()
	respondStored(w, up.repo, digest)
}

// ForgetUpload removes an upload session; "" removes all of them.
func (g *Registry) ForgetUpload(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if id == "" {
		clear(g.uploads)
	}
	delete(g.uploads, id)
}

// Uploads returns the number of sessions that are neither finished nor canceled.
func (g *Registry) Uploads() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.uploads)
}

func (g *Registry) respondProgress(w http.ResponseWriter, id string, up *upload, status int) {
	w.Header().Set("Location", "/v2/"+up.repo+"/blobs/uploads/"+id)
	w.Header().Set("Docker-Upload-UUID", id)
	w.Header().Set("Range", rangeOf(up.body.len()))
	w.WriteHeader(status)
}

// rangeOf returns the header Range of a session with size bytes. As in distribution, it is the same for 0 bytes and for 1 byte.
func rangeOf(size int64) string { return fmt.Sprintf("0-%d", max(size-1, 0)) }

func respondStored(w http.ResponseWriter, repo, digest string) {
	w.Header().Set("Location", "/v2/"+repo+"/blobs/"+digest)
	w.Header().Set("Docker-Content-Digest", digest)
	w.WriteHeader(http.StatusCreated)
}
