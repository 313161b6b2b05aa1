package registrytest

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// Request is a request that was served.
type Request struct {
	Op     string // method and class of the path: "GET blob", "PATCH upload", "PUT manifest"
	Path   string
	Query  string
	Host   string
	Header http.Header
	Conn   string // the client's address: the same for all requests of a connection
	Status int    // 0 if the connection was closed without a response
	In     int64  // bytes of the body that were received
	Out    int64  // bytes of the body that were sent
}

// Requests returns the requests served so far, in order of arrival. With ops, it returns only requests of these operations.
func (g *Registry) Requests(ops ...string) []Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	var found []Request
	for _, e := range g.log {
		if len(ops) == 0 || matchAny(ops, e.Op) {
			r := e.Request
			r.Status, r.In, r.Out = int(e.status.Load()), e.in.Load(), e.out.Load()
			found = append(found, r)
		}
	}
	return found
}

// entry is a Request that is being served.
type entry struct {
	Request
	status, in, out atomic.Int64
}

// Count returns the number of requests that Requests returns.
func (g *Registry) Count(ops ...string) int { return len(g.Requests(ops...)) }

// Bytes returns the total sizes of the request and response bodies of the operations.
func (g *Registry) Bytes(ops ...string) (in, out int64) {
	for _, r := range g.Requests(ops...) {
		in, out = in+r.In, out+r.Out
	}
	return in, out
}

// ResetLog removes all requests from the log.
func (g *Registry) ResetLog() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.log = nil
}

// matchAny reports whether an operation is one of ops. "GET" alone matches every class, "blob" alone every method.
func matchAny(ops []string, op string) bool {
	method, class, _ := strings.Cut(op, " ")
	for _, want := range ops {
		if want == "" || want == op || want == method || want == class {
			return true
		}
	}
	return false
}

// recorder is a ResponseWriter that counts bytes.
type recorder struct {
	http.ResponseWriter
	entry *entry
}

// record logs a request, and returns the writer and request that its handler must use.
func (g *Registry) record(w http.ResponseWriter, r *http.Request, class string) (*recorder, *http.Request) {
	e := &entry{Request: Request{Op: r.Method + " " + class, Path: r.URL.Path, Query: r.URL.RawQuery, Host: r.Host,
		Header: r.Header.Clone(), Conn: r.RemoteAddr}}
	g.mu.Lock()
	g.log = append(g.log, e)
	g.mu.Unlock()
	r.Body = &countingBody{r.Body, e}
	return &recorder{w, e}, r
}

// WriteHeader records the status.
func (w *recorder) WriteHeader(status int) {
	w.entry.status.CompareAndSwap(0, int64(status))
	w.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes of the body.
func (w *recorder) Write(p []byte) (int, error) {
	w.entry.status.CompareAndSwap(0, http.StatusOK)
	n, err := w.ResponseWriter.Write(p)
	w.entry.out.Add(int64(n))
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// countingBody counts the bytes read from the body of a request.
type countingBody struct {
	io.ReadCloser
	entry *entry
}

// Read implements io.Reader.
func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.entry.in.Add(int64(n))
	return n, err
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(s[:])
}
