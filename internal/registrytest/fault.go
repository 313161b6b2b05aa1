package registrytest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// A Fault stands between a request and the registry.
type Fault func(next http.Handler) http.Handler

// When tells whether the nth request of an operation (from 1) meets the fault.
type When func(n int) bool

// Always meets every request.
func Always(int) bool { return true }

// First meets the first so many requests.
func First(count int) When { return func(n int) bool { return n <= count } }

// Nth meets one request.
func Nth(nth int) When { return func(n int) bool { return n == nth } }

type injected struct {
	op    string
	when  When
	fault Fault
	count int
}

// Inject makes requests of an operation ("GET blob", "PATCH upload", or a method or class alone, or "" for all) meet a
// fault. Faults injected later stand outside of earlier ones.
func (g *Registry) Inject(op string, when When, fault Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = append(g.faults, &injected{op: op, when: when, fault: fault})
}

// Heal takes all faults away.
func (g *Registry) Heal() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = nil
}

// due gives the faults that a request meets.
func (g *Registry) due(op string) []Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	var due []Fault
	for _, in := range g.faults {
		if !matchAny([]string{in.op}, op) {
			continue
		}
		in.count++
		if in.when(in.count) {
			due = append(due, in.fault)
		}
	}
	return due
}

// Status answers with a status and, in pairs, headers; the registry never sees the request.
func Status(status int, header ...string) Fault { return Answer(status, "", header...) }

// Answer is Status with a body.
func Answer(status int, body string, header ...string) Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
	}
}

// StoredBut lets the registry do its work and answers with a status of its own, as a proxy that lost the answer.
func StoredBut(status int) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&discard{header: http.Header{}}, r)
			w.WriteHeader(status)
		})
	}
}

// Before calls a function and goes on: to lose sessions, to expire tokens, to change what is stored.
func Before(do func(*http.Request)) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			do(r)
			next.ServeHTTP(w, r)
		})
	}
}

// Drop resets the connection before anything is answered.
func Drop() Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { cut(w, true) })
	}
}

// Reset resets the connection (RST) after so many bytes of the answer's body.
func Reset(after int64) Fault {
	return tapped(after, func(w http.ResponseWriter, _ *http.Request) { flushAndCut(w, true) })
}

// Close closes the connection (FIN) after so many bytes of the answer's body.
func Close(after int64) Fault {
	return tapped(after, func(w http.ResponseWriter, _ *http.Request) { flushAndCut(w, false) })
}

// Stall sends so many bytes of the answer's body and then nothing, until the client gives up.
func Stall(after int64) Fault {
	return tapped(after, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		cut(w, true)
	})
}

// ResetUpload resets the connection after so many bytes of the request's body; those the registry gets.
func ResetUpload(after int64) Fault {
	return tappedBody(after, func(w http.ResponseWriter, _ *http.Request) { cut(w, true) })
}

// StallUpload reads so many bytes of the request's body and then no more, until the server is closed or the client's
// connection is seen to be gone.
func StallUpload(after int64) Fault {
	return tappedBody(after, func(w http.ResponseWriter, r *http.Request) {
		<-stalled(r.Context())
		cut(w, true)
	})
}

// FlipBit changes one bit of the answer's body.
func FlipBit(at int64) Fault {
	return edited(nil, func(p []byte, off int64) []byte {
		if i := at - off; i >= 0 && i < int64(len(p)) {
			p = append([]byte(nil), p...)
			p[i] ^= 1
		}
		return p
	})
}

// Shorten promises and sends so many bytes only: an answer that is whole, of a body that is not.
func Shorten(to int64) Fault {
	length := func(h http.Header) { h.Set("Content-Length", strconv.FormatInt(to, 10)) }
	return edited(length, func(p []byte, off int64) []byte {
		return p[:max(0, min(int64(len(p)), to-off))]
	})
}

// Header sets a header of the answer over the registry's own; empty takes it away.
func Header(key, value string) Fault {
	return edited(func(h http.Header) {
		if h.Del(key); value != "" {
			h.Set(key, value)
		}
	}, nil)
}

// IgnoreRange makes the registry not see Range: it answers 200 with the whole.
func IgnoreRange() Fault { return Before(func(r *http.Request) { r.Header.Del("Range") }) }

// Redirect sends a GET of a blob to another host (see Also), with 307.
func Redirect(host string) Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path := strings.Replace(strings.TrimPrefix(r.URL.Path, "/v2"), "/blobs/", "/", 1)
			http.Redirect(w, r, host+"/store"+path, http.StatusTemporaryRedirect)
		})
	}
}

// RedirectForEver sends a client to ever new addresses of this host.
func RedirectForEver() Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Query().Get("n"))
			http.Redirect(w, r, r.URL.Path+"?n="+strconv.Itoa(n+1), http.StatusTemporaryRedirect)
		})
	}
}

// MaxParallel lets so many requests be served at once; those beyond meet another fault.
func MaxParallel(limit int64, beyond Fault) Fault {
	var now atomic.Int64
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer now.Add(-1)
			if now.Add(1) > limit {
				next = beyond(next)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// cut takes the connection from the HTTP server and ends it, by RST or FIN.
func cut(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // it is gone already
	}
	if tcp, ok := unwrap(conn).(*net.TCPConn); ok && reset {
		tcp.SetLinger(0)
		tcp.Close()
	}
	conn.Close()
}

func flushAndCut(w http.ResponseWriter, reset bool) {
	http.NewResponseController(w).Flush()
	cut(w, reset)
}

// unwrap finds the TCP connection under TLS and throttling.
func unwrap(conn net.Conn) net.Conn {
	for {
		inner, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = inner.NetConn()
	}
}

var errCut = errors.New("connection was cut by a fault")

// tapped lets so many bytes of the answer's body pass and then calls then, which ends the connection.
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
	then func() // nil: it was called
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

// tappedBody is tapped for the request's body.
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

// edited changes the answer's header before it is sent and its body piece by piece.
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

// discard is where an answer goes that nobody gets.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

type closingKey struct{}

// stalled gives a channel that is closed when the server ends. A request whose body was not read to its end doesn't
// notice that the client has gone.
func stalled(ctx context.Context) <-chan struct{} {
	closing, _ := ctx.Value(closingKey{}).(context.Context)
	if closing == nil {
		closing = ctx
	}
	return closing.Done()
}
