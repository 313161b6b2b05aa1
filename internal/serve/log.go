package serve

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Request is a request that was served.
type Request struct {
	Method    string
	Path      string // with the query
	Client    string // its address
	UserAgent string
	Status    int
	Received  int64 // bytes read from the request body
	Sent      int64 // bytes of the response body
	Took      time.Duration
	Err       error // why the request failed; nil: it succeeded
}

// logger reports requests and counts the active ones.
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

// recorder records the status and size of a response.
type recorder struct {
	http.ResponseWriter
	status int
	sent   int64
	err    error
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader records the status.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes of the body.
func (r *recorder) Write(p []byte) (int, error) {
	n, err := r.ResponseWriter.Write(p)
	r.sent += int64(n)
	return n, err
}

// ReadFrom counts the bytes of the body, and lets the kernel send a file.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(r.ResponseWriter, src)
	r.sent += n
	return n, err
}

// counted counts the bytes read from a request body.
type counted struct {
	io.ReadCloser
	n int64
}

// Read counts the bytes.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	return n, err
}
