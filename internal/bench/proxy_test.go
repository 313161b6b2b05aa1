package bench

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// traffic is the amount of data that passed a tcpProxy.
type traffic struct {
	sent, received                int64 // by the client
	requests, connections, resets int
}

// tcpProxy is a TCP proxy in front of a registry. It counts, delays, and slows traffic, and resets connections.
type tcpProxy struct {
	host     string        // the address for clients
	upstream string        // the registry
	delay    time.Duration // of a round trip
	rate     int64         // bytes per second, for each connection and direction; 0: unlimited
	cutUp    []int64       // totals of bytes sent at which a connection is reset, ascending
	cutDown  []int64       // likewise of bytes received

	mu    sync.Mutex
	total traffic
	moved func(traffic) // called with the total after each piece; may be nil
}

// open listens until the test ends.
func (proxy *tcpProxy) open(tb testing.TB, upstream string) *tcpProxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	proxy.host, proxy.upstream = listener.Addr().String(), upstream
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go proxy.serve(conn.(*net.TCPConn))
		}
	}()
	return proxy
}

// take returns the traffic since the last call.
func (proxy *tcpProxy) take() traffic {
	proxy.mu.Lock()
	defer proxy.mu.Unlock()
	t := proxy.total
	proxy.total = traffic{}
	return t
}

// watch sets the function that is called with the total after each piece.
func (proxy *tcpProxy) watch(moved func(traffic)) {
	proxy.mu.Lock()
	defer proxy.mu.Unlock()
	proxy.moved = moved
}

func (proxy *tcpProxy) count(t traffic) {
	proxy.mu.Lock()
	defer proxy.mu.Unlock()
	proxy.total.sent += t.sent
	proxy.total.received += t.received
	proxy.total.requests += t.requests
	proxy.total.connections += t.connections
	proxy.total.resets += t.resets
	if proxy.moved != nil {
		proxy.moved(proxy.total)
	}
}

// serve connects a client to the registry until one of them closes the connection, or the connection is reset.
func (proxy *tcpProxy) serve(client *net.TCPConn) {
	defer func() { _ = client.Close() }()
	_ = client.SetWriteBuffer(pieceSize) // limits the counted bytes that have not arrived yet
	proxy.count(traffic{connections: 1})
	conn, err := net.Dial("tcp", proxy.upstream)
	if err != nil {
		return
	}
	server := conn.(*net.TCPConn)
	defer func() { _ = server.Close() }()
	var both sync.WaitGroup
	both.Go(func() {
		up := &pipe{proxy: proxy, to: server, wait: proxy.delay} // a handshake is a round trip
		up.run(func(w io.Writer) { proxy.forward(client, w) })
		if up.cut {
			_ = client.SetLinger(0)
			_ = client.Close()
		}
		_ = server.CloseWrite()
	})
	both.Go(func() {
		down := &pipe{proxy: proxy, to: client, down: true}
		down.run(func(w io.Writer) { _, _ = io.CopyBuffer(w, onlyReader{server}, make([]byte, pieceSize)) })
		if down.cut {
			_ = client.SetLinger(0)
		}
		_ = client.Close()
	})
	both.Wait()
}

// onlyReader hides the methods of a reader that would bypass the copy buffer.
type onlyReader struct{ io.Reader }

// forward copies the bytes of a client to w as they arrive, and counts the requests in them.
func (proxy *tcpProxy) forward(client net.Conn, w io.Writer) {
	r := bufio.NewReaderSize(io.TeeReader(client, w), pieceSize)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		proxy.count(traffic{requests: 1})
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
	}
}

// pieceSize is the maximum number of bytes that are forwarded at once.
const pieceSize = 64 << 10

// pipe is one direction of a connection.
type pipe struct {
	proxy *tcpProxy
	to    io.Writer
	wait  time.Duration // more delay for the first piece
	down  bool
	cut   bool // the connection was reset in this direction
	next  time.Time
	flow  chan piece
	dead  chan struct{}
}

// piece is data in transit, with the time of its arrival.
type piece struct {
	data []byte
	due  time.Time
}

// run sends the bytes that source writes.
func (p *pipe) run(source func(io.Writer)) {
	if p.proxy.delay == 0 {
		source(p)
		return
	}
	p.flow, p.dead = make(chan piece, 64), make(chan struct{})
	var delivery sync.WaitGroup
	delivery.Go(p.deliver)
	source(p)
	close(p.flow)
	delivery.Wait()
}

// Write sends b at once or, if the proxy has a delay, queues it.
func (p *pipe) Write(b []byte) (int, error) {
	if p.flow == nil {
		return len(b), p.send(b)
	}
	due := time.Now().Add(p.proxy.delay/2 + p.wait)
	p.wait = 0
	select {
	case p.flow <- piece{append([]byte(nil), b...), due}:
		return len(b), nil
	case <-p.dead:
		return 0, io.ErrClosedPipe
	}
}

// deliver sends pieces when they are due.
func (p *pipe) deliver() {
	defer close(p.dead)
	for b := range p.flow {
		time.Sleep(time.Until(b.due))
		if p.send(b.data) != nil {
			return
		}
	}
}

// send writes b at the rate of the proxy. It returns io.ErrClosedPipe if b reaches the position of the next reset.
func (p *pipe) send(b []byte) error {
	if p.proxy.rate > 0 {
		now := time.Now()
		if p.next.Before(now.Add(-100 * time.Millisecond)) {
			p.next = now
		}
		p.next = p.next.Add(time.Duration(int64(len(b)) * int64(time.Second) / p.proxy.rate))
		time.Sleep(time.Until(p.next))
	}
	t := traffic{sent: int64(len(b))}
	if p.down {
		t = traffic{received: int64(len(b))}
	}
	if p.proxy.isCutDue(p.down, int64(len(b))) {
		p.cut, t.resets = true, 1
	}
	p.proxy.count(t) // before the other side can read b
	_, err := p.to.Write(b)
	if p.cut {
		err = io.ErrClosedPipe
	}
	return err
}

// isCutDue reports whether more bytes in a direction reach the position of the next reset. If so, it removes the position.
func (proxy *tcpProxy) isCutDue(down bool, more int64) bool {
	proxy.mu.Lock()
	defer proxy.mu.Unlock()
	cuts, total := &proxy.cutUp, proxy.total.sent
	if down {
		cuts, total = &proxy.cutDown, proxy.total.received
	}
	if len(*cuts) == 0 || total+more < (*cuts)[0] {
		return false
	}
	*cuts = (*cuts)[1:]
	return true
}

// TestTCPProxy checks that the proxy forwards and counts all traffic, and resets connections as often as told.
func TestTCPProxy(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(make([]byte, size))
	}))
	t.Cleanup(srv.Close)
	for _, proxy := range []*tcpProxy{{}, {delay: time.Millisecond}, {rate: 1 << 30}, {cutDown: []int64{size / 2}}, {cutUp: []int64{size / 2}}} {
		cuts := len(proxy.cutDown) + len(proxy.cutUp)
		proxy.open(t, srv.Listener.Addr().String())
		client := http.Client{Transport: &http.Transport{}}
		failed := 0
		for range 2 {
			// net/http can't rewind a body of this type, so it does not repeat a request after a reset.
			resp, err := client.Post("http://"+proxy.host, "text/plain", onlyReader{strings.NewReader(strings.Repeat("x", size))})
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			if err != nil {
				failed++
			}
		}
		client.CloseIdleConnections()
		got := proxy.take()
		if failed != cuts || got.resets != cuts || got.requests != 2 || got.connections != 1+cuts {
			t.Errorf("two requests, %d resets: got %d failures and %+v", cuts, failed, got)
		}
		if cuts == 0 && (got.sent < 2*size || got.received < 2*size) {
			t.Errorf("two requests and responses of %d bytes: got %+v", size, got)
		}
	}
}
