package serve

import (
	"context"
	"net/http"
	"strings"

	"github.com/davit-oci/davit/internal/serve/accesslog"
	"github.com/davit-oci/davit/internal/serve/answer"
	"github.com/davit-oci/davit/internal/serve/limit"
	"github.com/davit-oci/davit/internal/serve/naming"
	"github.com/davit-oci/davit/internal/serve/upload"
	"github.com/davit-oci/davit/internal/serve/web/guard"
	"github.com/opencontainers/go-digest"
)

// handler answers the requests of the registry protocol.
type handler struct {
	store   store
	uploads *upload.Sessions
	memory  *limit.Memory
	bodies  *limit.Memory
	write   bool
}

// call is a request whose path has been parsed.
type call struct {
	*http.Request
	w    http.ResponseWriter
	name string // of the repository
	last string // last element of the path: a digest, a tag, or the ID of an upload session

	body     *limit.Body
	memory   *limit.Memory
	releases []func()
}

// reserve waits until the request may use size more bytes of memory.
func (c *call) reserve(size int64) error {
	release, err := c.memory.Take(c.Context(), size)
	if err == nil {
		c.releases = append(c.releases, release)
	}
	return err
}

// release releases the memory that the request has reserved.
func (c *call) release() {
	for _, release := range c.releases {
		release()
	}
	c.releases = nil
}

// routes lists the handlers by the part of a path between the repository name, which may contain slashes, and the last element.
var routes = []struct {
	infix string
	serve func(*handler, *call) error
}{
	{"/blobs/uploads/", (*handler).serveUpload},
	{"/blobs/", (*handler).serveBlob},
	{"/manifests/", (*handler).serveManifest},
	{"/referrers/", (*handler).serveReferrers},
	{"/tags/", (*handler).serveTags},
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	body := limit.NewBody(w, r.Body)
	r.Body = body
	if err := h.route(w, r, body); err != nil {
		accesslog.Fail(w, err)
		answer.Write(w, answer.For(err))
	}
}

func (h *handler) route(w http.ResponseWriter, r *http.Request, body *limit.Body) error {
	rest, ok := strings.CutPrefix(r.URL.Path, "/v2/")
	switch {
	case r.URL.Path == "/v2" || ok && rest == "":
		return h.ping(w, r)
	case !ok:
		return answer.Refuse(http.StatusNotFound, "UNSUPPORTED", "this is an OCI registry: its paths begin with /v2/")
	case rest == "_catalog":
		c := &call{Request: r, w: w, memory: h.memory}
		defer c.release()
		return h.serveCatalog(c)
	}
	if strings.HasSuffix(rest, "/blobs/uploads") { // some clients omit the slash
		rest += "/"
	}
	for _, route := range routes {
		i := strings.LastIndex(rest, route.infix)
		if i < 0 || strings.Contains(rest[i+len(route.infix):], "/") {
			continue
		}
		c := &call{Request: r, w: w, name: rest[:i], last: rest[i+len(route.infix):], memory: h.memory, body: body}
		defer c.release()
		if !naming.IsValid(c.name) {
			return answer.Refuse(http.StatusBadRequest, "NAME_INVALID", "%q is not a valid repository name", c.name)
		}
		return route.serve(h, c)
	}
	return answer.Refuse(http.StatusNotFound, "UNSUPPORTED", "%s is not a path of an OCI registry", r.URL.Path)
}

func (h *handler) ping(w http.ResponseWriter, r *http.Request) error {
	if err := allow(r, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	answer.WriteJSON(w, http.StatusOK, "application/json", struct{}{})
	return nil
}

// allow returns an error unless a request has one of the methods.
func allow(r *http.Request, methods ...string) error {
	for _, m := range methods {
		if r.Method == m {
			return nil
		}
	}
	return answer.Refuse(http.StatusMethodNotAllowed, "UNSUPPORTED", "%s is not supported here", r.Method)
}

// checkWritable returns an error if the layouts are served read-only.
func (h *handler) checkWritable() error {
	if h.write {
		return nil
	}
	return answer.ErrReadOnly
}

// openRepository opens the repository of a call for reading.
func (h *handler) openRepository(c *call) (*repository, error) {
	return h.store.repository(c.Context(), c.name, false)
}

// digestOf returns the last element of the path, which must be a digest.
func (c *call) digestOf() (digest.Digest, error) { return parseDigest(c.last) }

func parseDigest(s string) (digest.Digest, error) {
	d, err := digest.Parse(s)
	if err != nil {
		return "", answer.BadDigest(s)
	}
	return d, nil
}

// store finds the layout of a repository.
type store interface {
	// repository opens a repository, and creates it if create is set. If it does not exist, the error is an *answer.Error.
	repository(ctx context.Context, name string, create bool) (*repository, error)
	// list returns the names of all repositories, sorted.
	list(ctx context.Context) ([]string, error)
	Close() error
}

// localOnly refuses requests with a host name of another machine, which a web page could make resolve to a loopback address.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !guard.IsLocal(r.Host) {
			answer.Write(w, &answer.Error{Status: http.StatusForbidden, Code: "DENIED", Message: "this registry is only for this machine: use localhost or 127.0.0.1, or --allow-remote"})
			return
		}
		next.ServeHTTP(w, r)
	})
}
