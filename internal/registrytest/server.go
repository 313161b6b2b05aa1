package registrytest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// Start creates a registry and serves it on a loopback port until the test ends.
func Start(tb testing.TB, opts Options) *Registry {
	tb.Helper()
	g := New(opts)
	tb.Cleanup(g.release)
	srv := g.serve(tb, opts.TLS)
	g.URL = srv.URL
	g.Host = hostOf(srv.URL)
	if opts.TLS {
		g.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	}
	return g
}

// release drops the content, because a parent test keeps the cleanup functions of its subtests, and everything they refer to,
// until the parent ends.
func (g *Registry) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.blobs)
	clear(g.repos)
	clear(g.uploads)
}

// Also serves the registry on a second port, with TLS if secure is set, and returns the URL of that port, for redirects.
func (g *Registry) Also(tb testing.TB, secure bool) string {
	tb.Helper()
	return g.serve(tb, secure).URL
}

func (g *Registry) serve(tb testing.TB, secure bool) *httptest.Server {
	tb.Helper()
	ctx, end := context.WithCancel(context.Background())
	srv := httptest.NewUnstartedServer(g)
	srv.Listener = &listener{srv.Listener, g.opts.Line}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // tests break handshakes and bodies on purpose
	srv.Config.BaseContext = func(net.Listener) context.Context {
		return faults.WithServer(ctx)
	}
	if secure {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	tb.Cleanup(func() {
		end()
		srv.CloseClientConnections()
		srv.Close()
	})
	return srv
}

// Client returns a client with its own connection pool, which trusts the certificate of the registry.
func (g *Registry) Client(tb testing.TB) *http.Client {
	tb.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(g.CA)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func hostOf(url string) string {
	_, host, _ := strings.Cut(url, "://")
	return host
}

// listener limits the speed of the connections that it accepts.
type listener struct {
	net.Listener
	line Line
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil || (l.line == Line{}) {
		return conn, err
	}
	return &slowConn{Conn: conn, latency: l.line.Latency, up: pace{rate: l.line.Rate}, down: pace{rate: l.line.Rate}}, nil
}

// slowConn is a connection that takes a round trip to open, and has a rate limit for each direction.
type slowConn struct {
	net.Conn
	latency  time.Duration
	open     sync.Once
	up, down pace
}

// NetConn returns the underlying connection.
func (c *slowConn) NetConn() net.Conn { return c.Conn }

// Read implements net.Conn.
func (c *slowConn) Read(p []byte) (int, error) {
	c.open.Do(func() { time.Sleep(c.latency) })
	n, err := c.Conn.Read(p[:min(len(p), paceStep)])
	c.up.wait(n)
	return n, err
}

// Write implements net.Conn.
func (c *slowConn) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := c.Conn.Write(p[done:min(len(p), done+paceStep)])
		done += n
		if err != nil {
			return done, err
		}
		c.down.wait(n)
	}
	return done, nil
}

// paceStep is the number of bytes between two waits: small enough for a steady rate, large enough to cost little time.
const paceStep = 16 << 10

// pace limits the rate of a stream.
type pace struct {
	rate int64 // bytes per second; no limit if 0
	mu   sync.Mutex
	next time.Time // earliest time for the next bytes
}

// wait sleeps for the time that n bytes take.
func (p *pace) wait(n int) {
	if p.rate <= 0 || n <= 0 {
		return
	}
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(time.Duration(int64(n) * int64(time.Second) / p.rate))
	delay := p.next.Sub(now)
	p.mu.Unlock()
	time.Sleep(delay)
}
