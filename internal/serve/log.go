package serve

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Request is a request that was answered.
type Request struct {
	Method    string
	Path      string // with the query
	Client    string // its address
	UserAgent string
	Status    int
	Received  int64 // bytes of the request's body, as far as it was read
	Sent      int64 // bytes of the answer's body
	Took      time.Duration
	Err       error // why the answer says no; nil: it doesn't
}

// logger tells of requests and counts those that are under way.
type logger struct {
	tell   func(Request)
	active atomic.Int64
}

func (l *logger) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.active.Add(1)
		defer l.active.Add(-1)
		if l.tell == nil {
			next.ServeHTTP(w, r)
			return
		}
		start := time.Now()
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		body := &counted{ReadCloser: r.Body}
		r.Body = body
		next.ServeHTTP(rec, r)
		l.tell(Request{
			Method: r.Method, Path: r.URL.RequestURI(), Client: r.RemoteAddr, UserAgent: r.UserAgent(),
			Status: rec.status, Received: body.n, Sent: rec.sent, Took: time.Since(start), Err: rec.err,
		})
	})
}

// recorder notes what an answer was.
type recorder struct {
	http.ResponseWriter
	status int
	sent   int64
	err    error
}

// WriteHeader notes the status.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (r *recorder) Write(p []byte) (int, error) {
	n, err := r.ResponseWriter.Write(p)
	r.sent += int64(n)
	return n, err
}

// ReadFrom counts, and lets the kernel send a file.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(r.ResponseWriter, src)
	r.sent += n
	return n, err
}

// counted is a request's body.
type counted struct {
	io.ReadCloser
	n int64
}

// Read counts.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	return n, err
}
