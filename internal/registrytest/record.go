package registrytest

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// Request is one that was served.
type Request struct {
	Op     string // method and class of the path: "GET blob", "PATCH upload", "PUT manifest"
	Path   string
	Query  string
	Host   string
	Header http.Header
	Conn   string // the client's address: requests of one connection have the same
	Status int    // 0: the connection was taken away
	In     int64  // bytes of the body that came
	Out    int64  // bytes of the body that were sent
}

// Requests gives what was served so far, in the order in which it came. With ops, only those.
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

// entry is a Request while it is served.
type entry struct {
	Request
	status, in, out atomic.Int64
}

// Count is how many requests were of the operations.
func (g *Registry) Count(ops ...string) int { return len(g.Requests(ops...)) }

// Bytes sums the bodies of the requests of the operations.
func (g *Registry) Bytes(ops ...string) (in, out int64) {
	for _, r := range g.Requests(ops...) {
		in, out = in+r.In, out+r.Out
	}
	return in, out
}

// ResetLog forgets the requests so far.
func (g *Registry) ResetLog() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.log = nil
}

// matchAny tells whether an operation is one of ops. "GET" and "blob" alone match every class and every method.
func matchAny(ops []string, op string) bool {
	method, class, _ := strings.Cut(op, " ")
	for _, want := range ops {
		if want == "" || want == op || want == method || want == class {
			return true
		}
	}
	return false
}

// recorder is a ResponseWriter that counts.
type recorder struct {
	http.ResponseWriter
	entry *entry
}

// record notes a request and gives what its handler is to use.
func (g *Registry) record(w http.ResponseWriter, r *http.Request, class string) (*recorder, *http.Request) {
	e := &entry{Request: Request{Op: r.Method + " " + class, Path: r.URL.Path, Query: r.URL.RawQuery, Host: r.Host,
		Header: r.Header.Clone(), Conn: r.RemoteAddr}}
	g.mu.Lock()
	g.log = append(g.log, e)
	g.mu.Unlock()
	r.Body = &countingBody{r.Body, e}
	return &recorder{w, e}, r
}

// WriteHeader notes the status.
func (w *recorder) WriteHeader(status int) {
	w.entry.status.CompareAndSwap(0, int64(status))
	w.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (w *recorder) Write(p []byte) (int, error) {
	w.entry.status.CompareAndSwap(0, http.StatusOK)
	n, err := w.ResponseWriter.Write(p)
	w.entry.out.Add(int64(n))
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// countingBody counts what is read of a request's body.
type countingBody struct {
	io.ReadCloser
	entry *entry
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.entry.in.Add(int64(n))
	return n, err
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(s[:])
}
