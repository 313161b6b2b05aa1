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

// traffic is the amount of data that crossed a line.
type traffic struct {
	sent, received                int64 // by the client
	requests, connections, resets int
}

// line is the way to a registry, with all its faults: a TCP proxy that counts, delays, slows down and cuts.
type line struct {
	host     string        // where clients connect to
	upstream string        // the registry
	delay    time.Duration // of a round trip
	rate     int64         // bytes per second, for each connection and direction; 0: unlimited
	cutUp    []int64       // totals of bytes sent at which a connection is reset, ascending
	cutDown  []int64       // likewise of bytes received

	mu    sync.Mutex
	total traffic
	moved func(traffic) // told after each piece; may be nil
}

// open begins to listen, until the test ends.
func (l *line) open(tb testing.TB, upstream string) *line {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	l.host, l.upstream = listener.Addr().String(), upstream
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.serve(conn.(*net.TCPConn))
		}
	}()
	return l
}

// take returns the traffic since the last call.
func (l *line) take() traffic {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.total
	l.total = traffic{}
	return t
}

// watch calls a function for all traffic from now on.
func (l *line) watch(moved func(traffic)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moved = moved
}

func (l *line) count(t traffic) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total.sent += t.sent
	l.total.received += t.received
	l.total.requests += t.requests
	l.total.connections += t.connections
	l.total.resets += t.resets
	if l.moved != nil {
		l.moved(l.total)
	}
}

// serve connects a client with the registry until one of them has enough, or the line is cut.
func (l *line) serve(client *net.TCPConn) {
	defer func() { _ = client.Close() }()
	_ = client.SetWriteBuffer(pieceSize) // counted bytes have arrived, except for a small rest
	l.count(traffic{connections: 1})
	conn, err := net.Dial("tcp", l.upstream)
	if err != nil {
		return
	}
	server := conn.(*net.TCPConn)
	defer func() { _ = server.Close() }()
	var both sync.WaitGroup
	both.Go(func() {
		up := &pipe{line: l, to: server, wait: l.delay} // a handshake is a round trip
		up.run(func(w io.Writer) { l.forward(client, w) })
		if up.cut {
			_ = client.SetLinger(0)
			_ = client.Close()
		}
		_ = server.CloseWrite()
	})
	both.Go(func() {
		down := &pipe{line: l, to: client, down: true}
		down.run(func(w io.Writer) { _, _ = io.CopyBuffer(w, onlyReader{server}, make([]byte, pieceSize)) })
		if down.cut {
			_ = client.SetLinger(0)
		}
		_ = client.Close()
	})
	both.Wait()
}

// onlyReader hides what would copy past the buffer.
type onlyReader struct{ io.Reader }

// forward passes on what the client sends as it comes, and counts the requests in it.
func (l *line) forward(client net.Conn, w io.Writer) {
	r := bufio.NewReaderSize(io.TeeReader(client, w), pieceSize)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		l.count(traffic{requests: 1})
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
	}
}

// pieceSize is the number of bytes that pass at once.
const pieceSize = 64 << 10

// pipe is one direction of a connection.
type pipe struct {
	line *line
	to   io.Writer
	wait time.Duration // more, for the first piece
	down bool
	cut  bool // the line was cut while this sent
	next time.Time
	flow chan piece
	dead chan struct{}
}

// piece is bytes on their way.
type piece struct {
	data []byte
	due  time.Time
}

// run sends what source writes.
func (p *pipe) run(source func(io.Writer)) {
	if p.line.delay == 0 {
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

// Write sends at once, or later when the line is long.
func (p *pipe) Write(b []byte) (int, error) {
	if p.flow == nil {
		return len(b), p.send(b)
	}
	due := time.Now().Add(p.line.delay/2 + p.wait)
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

// send writes what the rate allows, and no more than to the next cut.
func (p *pipe) send(b []byte) error {
	if p.line.rate > 0 {
		now := time.Now()
		if p.next.Before(now.Add(-100 * time.Millisecond)) {
			p.next = now
		}
		p.next = p.next.Add(time.Duration(int64(len(b)) * int64(time.Second) / p.line.rate))
		time.Sleep(time.Until(p.next))
	}
	t := traffic{sent: int64(len(b))}
	if p.down {
		t = traffic{received: int64(len(b))}
	}
	if p.line.dueCut(p.down, int64(len(b))) {
		p.cut, t.resets = true, 1
	}
	p.line.count(t) // before it is available
	_, err := p.to.Write(b)
	if p.cut {
		err = io.ErrClosedPipe
	}
	return err
}

// dueCut reports whether more bytes of a direction reach the position of its next cut.
func (l *line) dueCut(down bool, more int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	cuts, total := &l.cutUp, l.total.sent
	if down {
		cuts, total = &l.cutDown, l.total.received
	}
	if len(*cuts) == 0 || total+more < (*cuts)[0] {
		return false
	}
	*cuts = (*cuts)[1:]
	return true
}

func TestLine(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(make([]byte, size))
	}))
	t.Cleanup(srv.Close)
	for _, l := range []*line{{}, {delay: time.Millisecond}, {rate: 1 << 30}, {cutDown: []int64{size / 2}}, {cutUp: []int64{size / 2}}} {
		cuts := len(l.cutDown) + len(l.cutUp)
		l.open(t, srv.Listener.Addr().String())
		client := http.Client{Transport: &http.Transport{}}
		failed := 0
		for range 2 {
			// A body without a type that net/http can rewind: a request that was cut is not repeated.
			resp, err := client.Post("http://"+l.host, "text/plain", onlyReader{strings.NewReader(strings.Repeat("x", size))})
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			if err != nil {
				failed++
			}
		}
		client.CloseIdleConnections()
		got := l.take()
		if failed != cuts || got.resets != cuts || got.requests != 2 || got.connections != 1+cuts {
			t.Errorf("two requests, %d cuts: %d failed, %+v", cuts, failed, got)
		}
		if cuts == 0 && (got.sent < 2*size || got.received < 2*size) {
			t.Errorf("two requests of %d bytes and as large answers: %+v", size, got)
		}
	}
}
