// Package accesslog reports the requests that an HTTP server has served, and counts the active ones.
package accesslog

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Request is a served request.
type Request struct {
	Method    string
	Path      string // with the query
	Client    string // address of the client
	UserAgent string
	Status    int
	Received  int64 // bytes read from the request body
	Sent      int64 // bytes written to the response body
	Took      time.Duration
	Err       error // why the request failed; nil if it succeeded
}

// Log reports requests and counts the active ones.
type Log struct {
	report func(Request)
	active atomic.Int64
}

// New returns a Log that calls report after each request, from several goroutines. The function may be nil.
func New(report func(Request)) *Log { return &Log{report: report} }

// Active returns the number of requests that are being served.
func (l *Log) Active() int { return int(l.active.Load()) }

// Fail records why a request failed. The argument w is the writer that the handler received.
func Fail(w http.ResponseWriter, err error) {
	if r, ok := w.(*recorder); ok {
		r.err = err
	}
}

// Wrap returns a handler that reports the requests of next.
func (l *Log) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.active.Add(1)
		defer l.active.Add(-1)
		if l.report == nil {
			next.ServeHTTP(w, r)
			return
		}
		start := time.Now()
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		body := &countingBody{ReadCloser: r.Body}
		r.Body = body
		next.ServeHTTP(rec, r)
		l.report(Request{
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

// ReadFrom counts the bytes of the body. It allows the kernel to send a file.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(r.ResponseWriter, src)
	r.sent += n
	return n, err
}

// countingBody counts the bytes read from a request body.
type countingBody struct {
	io.ReadCloser
	n int64
}

// Read counts the bytes.
func (c *countingBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	return n, err
}
