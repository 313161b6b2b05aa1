package faults

import (
	"errors"
	"io"
	"net/http"
)

var errCut = errors.New("connection was cut by a fault")

// tapped passes a number of bytes of the response body and then calls then, which ends the connection.
func tapped(after int64, then func(http.ResponseWriter, *http.Request)) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&tap{ResponseWriter: w, left: after, then: func() { then(w, r) }}, r)
		})
	}
}

type tap struct {
	http.ResponseWriter
	left int64
	then func() // nil after it was called
}

// Unwrap lets http.ResponseController reach the connection.
func (t *tap) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (t *tap) Write(p []byte) (int, error) {
	if t.then == nil {
		return 0, errCut
	}
	if int64(len(p)) <= t.left {
		t.left -= int64(len(p))
		return t.ResponseWriter.Write(p)
	}
	n, _ := t.ResponseWriter.Write(p[:t.left])
	then := t.then
	t.then = nil
	then()
	return n, errCut
}

// tappedBody is like tapped, for the request body.
func tappedBody(after int64, then func(http.ResponseWriter, *http.Request)) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := &bodyTap{ReadCloser: r.Body, left: after}
			r.Body = body
			next.ServeHTTP(&discard{header: http.Header{}}, r)
			then(w, r)
		})
	}
}

type bodyTap struct {
	io.ReadCloser
	left int64
}

func (b *bodyTap) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errCut
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// edited changes the header of the response before it is sent, and the body piece by piece.
func edited(header func(http.Header), body func(p []byte, off int64) []byte) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&editor{ResponseWriter: w, header: header, body: body}, r)
		})
	}
}

type editor struct {
	http.ResponseWriter
	header func(http.Header)
	body   func(p []byte, off int64) []byte
	off    int64
	sent   bool
}

// Unwrap lets http.ResponseController reach the connection.
func (e *editor) Unwrap() http.ResponseWriter { return e.ResponseWriter }

func (e *editor) WriteHeader(status int) {
	if !e.sent && e.header != nil {
		e.header(e.Header())
	}
	e.sent = true
	e.ResponseWriter.WriteHeader(status)
}

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

// discard drops a response.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
