// Package faults makes a test registry misbehave: each Fault changes how the registry answers a request.
package faults

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A Fault wraps the handler of a request.
type Fault func(next http.Handler) http.Handler

// When reports whether a fault applies to the nth request of an operation, counted from 1.
type When func(n int) bool

// Always is a When that selects every request.
func Always(int) bool { return true }

// First returns a When that selects the first count requests.
func First(count int) When { return func(n int) bool { return n <= count } }

// Nth returns a When that selects only the nth request.
func Nth(nth int) When { return func(n int) bool { return n == nth } }

// Every returns a When that selects every nth request.
func Every(nth int) When { return func(n int) bool { return n%nth == 0 } }

// At limits a fault to requests whose path contains part.
func At(part string, fault Fault) Fault {
	return limitTo(func(r *http.Request) bool { return strings.Contains(r.URL.Path, part) }, fault)
}

// Gzip compresses the bodies of responses, with a Content-Encoding, even if the request does not accept it.
func Gzip() Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			var body bytes.Buffer
			z := gzip.NewWriter(&body)
			_, _ = z.Write(rec.Body.Bytes())
			_ = z.Close()
			for key, values := range rec.Header() {
				w.Header()[key] = values
			}
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
			w.WriteHeader(rec.Code)
			_, _ = w.Write(body.Bytes())
		})
	}
}

// Asking limits a fault to requests with a parameter in the query.
func Asking(parameter string, fault Fault) Fault {
	return limitTo(func(r *http.Request) bool { return r.URL.Query().Has(parameter) }, fault)
}

// limitTo limits a fault to the requests for which applies returns true.
func limitTo(applies func(*http.Request) bool, fault Fault) Fault {
	return func(next http.Handler) http.Handler {
		faulty := fault(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if applies(r) {
				faulty.ServeHTTP(w, r)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// Status answers with a status and header, which consists of pairs of names and values. The registry does not see the request.
func Status(status int, header ...string) Fault { return Answer(status, "", header...) }

// Answer is like Status, but with a body.
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

// StoredBut lets the registry serve the request, and answers with another status, like a proxy that loses the response.
func StoredBut(status int) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&discard{header: http.Header{}}, r)
			w.WriteHeader(status)
		})
	}
}

// Before calls a function before the request is served, for example to lose sessions, expire tokens, or change content.
func Before(do func(*http.Request)) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			do(r)
			next.ServeHTTP(w, r)
		})
	}
}

// Drop resets the connection without a response.
func Drop() Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { cut(w, true) })
	}
}

// Reset resets the connection (RST) after a number of bytes of the response body.
func Reset(after int64) Fault {
	return cutResponse(after, func(w http.ResponseWriter, _ *http.Request) { flushAndCut(w, true) })
}

// Close closes the connection (FIN) after a number of bytes of the response body.
func Close(after int64) Fault {
	return cutResponse(after, func(w http.ResponseWriter, _ *http.Request) { flushAndCut(w, false) })
}

// Stall sends a number of bytes of the response body and then nothing, until the client disconnects.
func Stall(after int64) Fault {
	return cutResponse(after, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		cut(w, true)
	})
}

// Trickle sends a number of bytes of the response body, and then one byte every 50 ms, until the client disconnects.
func Trickle(after int64) Fault {
	return cutResponse(after, func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			_, err := w.Write([]byte{0})
			if err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
			}
		}
	})
}

// ResetUpload resets the connection after a number of bytes of the request body, which the registry receives.
func ResetUpload(after int64) Fault {
	return cutRequest(after, func(w http.ResponseWriter, _ *http.Request) { cut(w, true) })
}

// StallUpload reads a number of bytes of the request body and then no more, until the server is closed.
func StallUpload(after int64) Fault {
	return cutRequest(after, func(w http.ResponseWriter, r *http.Request) {
		<-serverDone(r.Context())
		cut(w, true)
	})
}

// FlipBit flips one bit of the byte at an offset of the response body.
func FlipBit(at int64) Fault {
	return editResponse(nil, func(p []byte, off int64) []byte {
		if i := at - off; i >= 0 && i < int64(len(p)) {
			p = append([]byte(nil), p...)
			p[i] ^= 1
		}
		return p
	})
}

// Shorten truncates the response body to a number of bytes, with a matching Content-Length.
func Shorten(to int64) Fault {
	length := func(h http.Header) { h.Set("Content-Length", strconv.FormatInt(to, 10)) }
	return editResponse(length, func(p []byte, off int64) []byte {
		return p[:max(0, min(int64(len(p)), to-off))]
	})
}

// Header replaces a header of the response; an empty value removes it.
func Header(key, value string) Fault {
	return editResponse(func(h http.Header) {
		if h.Del(key); value != "" {
			h.Set(key, value)
		}
	}, nil)
}

// Location changes the address in the header Location.
func Location(change func(*url.URL)) Fault {
	return editResponse(func(h http.Header) {
		if at, err := url.Parse(h.Get("Location")); err == nil {
			change(at)
			h.Set("Location", at.String())
		}
	}, nil)
}

// Restatus replaces the response status from with the status to.
func Restatus(from, to int) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&restatus{w, from, to}, r)
		})
	}
}

type restatus struct {
	http.ResponseWriter
	from, to int
}

// Unwrap lets http.ResponseController reach the connection.
func (r *restatus) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader replaces the status and sends the header.
func (r *restatus) WriteHeader(status int) {
	if status == r.from {
		status = r.to
	}
	r.ResponseWriter.WriteHeader(status)
}

// IgnoreRange removes Range from the request, so that the registry answers 200 with the whole blob.
func IgnoreRange() Fault { return Before(func(r *http.Request) { r.Header.Del("Range") }) }

// Redirect redirects a GET of a blob to another host (see Registry.Also), with status 307.
func Redirect(host string) Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path := strings.Replace(strings.TrimPrefix(r.URL.Path, "/v2"), "/blobs/", "/", 1)
			http.Redirect(w, r, host+"/store"+path, http.StatusTemporaryRedirect)
		})
	}
}

// RedirectForever redirects each request to a new address of the same host.
func RedirectForever() Fault {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Query().Get("n"))
			http.Redirect(w, r, r.URL.Path+"?n="+strconv.Itoa(n+1), http.StatusTemporaryRedirect)
		})
	}
}

// MaxParallel limits the number of requests served at once. The fault beyond applies to the others.
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

// cut takes the connection from the HTTP server and closes it, by RST if reset is set, otherwise by FIN.
func cut(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the connection is closed already
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

// unwrap returns the TCP connection below TLS and throttling.
func unwrap(conn net.Conn) net.Conn {
	for {
		inner, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = inner.NetConn()
	}
}

type serverKey struct{}

// WithServer returns the base context of a server's requests, which lets StallUpload end with the server. The context of a
// request alone does not end if the client disconnects while the request body is unread.
func WithServer(ctx context.Context) context.Context { return context.WithValue(ctx, serverKey{}, ctx) }

// serverDone returns a channel that is closed when the server ends or, without WithServer, when the request ends.
func serverDone(ctx context.Context) <-chan struct{} {
	if server, ok := ctx.Value(serverKey{}).(context.Context); ok {
		return server.Done()
	}
	return ctx.Done()
}
