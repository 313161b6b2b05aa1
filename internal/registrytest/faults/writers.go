package faults

import (
	"errors"
	"io"
	"net/http"
)

var errCut = errors.New("connection cut by a fault")

// cutResponse passes a number of bytes of the response body and then calls then, which ends the connection.
func cutResponse(after int64, then func(http.ResponseWriter, *http.Request)) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&cutWriter{ResponseWriter: w, left: after, then: func() { then(w, r) }}, r)
		})
	}
}

// cutWriter fails after left bytes of the body.
type cutWriter struct {
	http.ResponseWriter
	left int64
	then func() // nil after it was called
}

// Unwrap lets http.ResponseController reach the connection.
func (w *cutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write implements io.Writer.
func (w *cutWriter) Write(p []byte) (int, error) {
	if w.then == nil {
		return 0, errCut
	}
	if int64(len(p)) <= w.left {
		w.left -= int64(len(p))
		return w.ResponseWriter.Write(p)
	}
	n, _ := w.ResponseWriter.Write(p[:w.left])
	then := w.then
	w.then = nil
	then()
	return n, errCut
}

// cutRequest is like cutResponse, for the request body.
func cutRequest(after int64, then func(http.ResponseWriter, *http.Request)) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = &cutBody{ReadCloser: r.Body, left: after}
			next.ServeHTTP(&discard{header: http.Header{}}, r)
			then(w, r)
		})
	}
}

// cutBody fails after left bytes.
type cutBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *cutBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errCut
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// editResponse changes the header of the response before it is sent, and each piece p of the body, at the offset off.
func editResponse(header func(http.Header), body func(p []byte, off int64) []byte) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&editor{ResponseWriter: w, header: header, body: body}, r)
		})
	}
}

// editor is the ResponseWriter of editResponse.
type editor struct {
	http.ResponseWriter
	header func(http.Header)
	body   func(p []byte, off int64) []byte
	off    int64
	sent   bool
}

// Unwrap lets http.ResponseController reach the connection.
func (e *editor) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// WriteHeader changes the header and sends it.
func (e *editor) WriteHeader(status int) {
	if !e.sent && e.header != nil {
		e.header(e.Header())
	}
	e.sent = true
	e.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (e *editor) Write(p []byte) (int, error) {
	if !e.sent {
		e.WriteHeader(http.StatusOK)
	}
	n := len(p)
	if e.body != nil {
		p = e.body(p, e.off)
	}
	e.off += int64(n)
	_, err := e.ResponseWriter.Write(p)
	return n, err
}

// discard is a ResponseWriter that drops the response.
type discard struct{ header http.Header }

// Header implements http.ResponseWriter.
func (d *discard) Header() http.Header { return d.header }

// Write implements http.ResponseWriter.
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements http.ResponseWriter.
func (d *discard) WriteHeader(int) {}
