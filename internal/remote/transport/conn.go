package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davit-oci/davit/internal/fault"
)

// stalled is the error of a connection that made no progress for too long.
type stalled struct{ after time.Duration }

// Error returns a message with the stall time.
func (s stalled) Error() string { return fmt.Sprintf("connection stalled for %v", s.after) }

// leastProgress is the number of bytes that must arrive within the stall time. Without this minimum, a server could keep a
// connection busy forever with a few bytes now and then.
const leastProgress = 512

// Activity tracks a request on a connection. It counts the sent bytes, and limits how long the registry may be silent.
type Activity struct {
	CommitStall time.Duration // the stall time after the request is sent; unchanged if 0
	stall       atomic.Int64  // the stall time, in nanoseconds
	Sent        atomic.Int64  // sent bytes, including headers
	last        atomic.Int64  // time of the last sent or received byte, in nanoseconds
	local       atomic.Int32  // above 0 while the request waits for its own body, not for the registry
	trickle     atomic.Int64  // bytes received since leastProgress was last reached
	waited      atomic.Int64  // time spent waiting for these bytes, in nanoseconds
	isStalled   atomic.Bool   // the connection failed because the registry was silent
}

// NewActivity returns an activity with a stall time.
func NewActivity(stall time.Duration) *Activity {
	a := &Activity{}
	a.stall.Store(int64(stall))
	a.touch()
	return a
}

func (a *Activity) wait() time.Duration { return time.Duration(a.stall.Load()) }

func (a *Activity) touch() { a.last.Store(time.Now().UnixNano()) }

// giveUp returns the error of a stalled connection, and records it for explain.
func (a *Activity) giveUp() stalled {
	a.isStalled.Store(true)
	return stalled{a.wait()}
}

// explain replaces an error of a request without a response by a clearer one. It restores a stall that net/http has replaced.
func (a *Activity) explain(err error) error {
	switch {
	case a.isStalled.Load() && !errors.As(err, new(stalled)):
		return stalled{a.wait()}
	case err == io.EOF: // not wrapped by http.Transport
		return fault.Worded("the connection was closed without a response", err)
	}
	return err
}

// recordReceived records n received bytes and how long the caller waited for them. It reports whether progress is too slow.
func (a *Activity) recordReceived(n int, waited time.Duration) bool {
	a.touch()
	if a.trickle.Add(int64(n)) >= leastProgress {
		a.trickle.Store(0)
		a.waited.Store(0)
		return false
	}
	return a.waited.Add(int64(waited)) > a.stall.Load()
}

// deadline returns the time at which the registry will have been silent for too long.
func (a *Activity) deadline() time.Time {
	if a.local.Load() > 0 {
		return time.Now().Add(a.wait())
	}
	return time.Unix(0, a.last.Load()).Add(a.wait())
}

// sendBuffer is the number of bytes written to a connection at once.
const sendBuffer = 128 << 10

// conn is a connection that fails when it makes no progress in either direction for the stall time of its request. Between
// requests, it waits without a limit.
type conn struct {
	net.Conn
	mu       sync.Mutex // protects changes of the deadline together with activity
	activity atomic.Pointer[Activity]
	// failed is the error of all reads after a stall: net/http continues to read after an error within response headers.
	failed atomic.Pointer[stalled]
}

// dialer returns a function that opens connections of type conn.
func dialer(d *net.Dialer) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		var c net.Conn
		var err error
		for _, addr := range loopbackAddresses(addr) {
			if c, err = d.DialContext(ctx, network, addr); err == nil {
				return &conn{Conn: c}, nil
			}
		}
		return nil, err
	}
}

// loopbackAddresses returns the addresses to dial for an address. Names below localhost are loopback addresses (RFC 6761, section
// 6.3). They are not resolved by DNS, because plain HTTP is allowed only if they are on this machine.
func loopbackAddresses(addr string) []string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return []string{addr}
	}
	return []string{net.JoinHostPort("127.0.0.1", port), net.JoinHostPort("::1", port)}
}

// withActivity returns a context that binds a to the connection of a request, until the connection becomes idle.
func withActivity(ctx context.Context, a *Activity) context.Context {
	var mine atomic.Pointer[conn]
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if c := connOf(info.Conn); c != nil {
				mine.Store(c)
				a.touch()
				c.bind(a)
			}
		},
		WroteRequest: func(httptrace.WroteRequestInfo) {
			if c := mine.Load(); c != nil && a.CommitStall > 0 {
				a.stall.Store(int64(a.CommitStall))
				a.touch()
				c.bind(a)
			}
		},
		PutIdleConn: func(error) {
			if c := mine.Load(); c != nil {
				c.bind(nil)
			}
		},
	})
}

func connOf(nc net.Conn) *conn {
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn()
	}
	c, _ := nc.(*conn)
	return c
}

func (c *conn) bind(a *Activity) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.activity.Store(a)
	_ = c.Conn.SetReadDeadline(c.limit(a)) // a broken connection fails on its next read
}

func (c *conn) limit(a *Activity) time.Time {
	if a == nil {
		return time.Time{}
	}
	return a.deadline()
}

// begin sets the deadline for one system call: the full stall time from now.
func (c *conn) begin(set func(time.Time) error) *Activity {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.activity.Load()
	if a == nil {
		_ = set(time.Time{})
		return nil
	}
	_ = set(time.Now().Add(a.wait()))
	return a
}

// Read implements io.Reader. It waits as long as bytes are sent.
func (c *conn) Read(p []byte) (int, error) {
	if failed := c.failed.Load(); failed != nil {
		return 0, *failed
	}
	a := c.begin(c.Conn.SetReadDeadline)
	first, start := a, time.Now()
	for {
		n, err := c.Conn.Read(p)
		if n > 0 {
			a = c.activity.Load()
			switch {
			case a == nil:
			case a != first: // the call began before the request
				a.touch()
			case a.recordReceived(n, time.Since(start)):
				return n, c.fail(a)
			}
			return n, nil
		}
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		c.mu.Lock()
		a = c.activity.Load()
		limit := c.limit(a)
		_ = c.Conn.SetReadDeadline(limit)
		c.mu.Unlock()
		if a != nil && !time.Now().Before(limit) {
			return 0, c.fail(a)
		}
	}
}

// fail returns the error of a stalled read, and makes all later reads fail.
func (c *conn) fail(a *Activity) error {
	failed := a.giveUp()
	c.failed.Store(&failed)
	return failed
}

// Write implements io.Writer. It counts the bytes, and continues as long as some are sent within the stall time.
func (c *conn) Write(p []byte) (written int, err error) {
	for {
		a := c.begin(c.Conn.SetWriteDeadline)
		n, err := c.Conn.Write(p[written:])
		written += n
		if a != nil && n > 0 {
			a.Sent.Add(int64(n))
			a.touch()
		}
		switch {
		case err == nil:
			return written, nil
		case n > 0 && errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case errors.Is(err, os.ErrDeadlineExceeded) && a != nil:
			err = a.giveUp()
		}
		return written, err
	}
}

// ReadFrom implements io.ReaderFrom, with large writes.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	buf := GetBuffer()
	defer PutBuffer(buf)
	return io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{r}, buf[:sendBuffer])
}

// bodyOf wraps a request's body, so that the time of reading it does not count as silence of the registry.
func bodyOf(body io.ReadCloser, a *Activity) io.ReadCloser {
	if body == nil || body == http.NoBody {
		return body
	}
	return &waitingBody{body, a}
}

type waitingBody struct {
	io.ReadCloser
	activity *Activity
}

// Read implements io.Reader.
func (b *waitingBody) Read(p []byte) (int, error) {
	b.activity.local.Add(1)
	n, err := b.ReadCloser.Read(p)
	b.activity.touch()
	b.activity.local.Add(-1)
	return n, err
}

// BufferSize is the number of bytes that one connection reads or writes at once.
const BufferSize = 512 << 10

// buffers are reused, so that many small blobs do not leave many large buffers to the garbage collector.
var buffers = sync.Pool{New: func() any { b := make([]byte, BufferSize); return &b }}

// GetBuffer returns a buffer of BufferSize bytes, which the caller returns with PutBuffer.
func GetBuffer() []byte { return *buffers.Get().(*[]byte) }

// PutBuffer puts back a buffer that GetBuffer returned.
func PutBuffer(b []byte) { buffers.Put(&b) }

// rewind returns a copy of req whose body starts at the beginning again.
func rewind(req *http.Request) (*http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, nil
	}
	if req.GetBody == nil {
		return nil, errors.New("the body can't be read again")
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	next := req.Clone(req.Context())
	next.Body = body
	return next, nil
}
