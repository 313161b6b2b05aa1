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

// Error returns a message with the time.
func (s stalled) Error() string { return fmt.Sprintf("no byte, or only a few, for %v", s.after) }

// leastProgress is the number of bytes that must arrive within the stall time. Without this minimum, a server could keep a
// connection busy forever with a few bytes now and then.
const leastProgress = 512

// Activity tracks a request on a connection. It counts the sent bytes, and limits how long the registry may be silent.
type Activity struct {
	CommitStall time.Duration // the stall time after the request is sent; 0: not changed
	stall       atomic.Int64  // the stall time, in nanoseconds
	Sent        atomic.Int64  // sent bytes, including headers
	last        atomic.Int64  // time of the last sent or received byte, in nanoseconds
	local       atomic.Int32  // >0: the request waits for bytes of its own body, not for the registry
	trickle     atomic.Int64  // bytes received since leastProgress was last reached
	waited      atomic.Int64  // time spent waiting for these bytes, in nanoseconds
	isStalled   atomic.Bool   // the connection failed because the registry was silent
}

// NewActivity returns an activity with a stall time.
func NewActivity(stall time.Duration) *Activity {
	u := &Activity{}
	u.stall.Store(int64(stall))
	u.touch()
	return u
}

func (u *Activity) wait() time.Duration { return time.Duration(u.stall.Load()) }

func (u *Activity) touch() { u.last.Store(time.Now().UnixNano()) }

// giveUp returns the error of a stalled connection, and records it for explain.
func (u *Activity) giveUp() stalled {
	u.isStalled.Store(true)
	return stalled{u.wait()}
}

// explain replaces an error of a request without a response by a clearer one. It restores a stall that net/http has replaced.
func (u *Activity) explain(err error) error {
	switch {
	case u.isStalled.Load() && !errors.As(err, new(stalled)):
		return stalled{u.wait()}
	case err == io.EOF: // not wrapped by http.Transport
		return fault.Worded("the connection was closed without a response", err)
	}
	return err
}

// recordReceived records n received bytes and how long the caller waited for them. It reports whether progress is too slow.
func (u *Activity) recordReceived(n int, waited time.Duration) bool {
	u.touch()
	if u.trickle.Add(int64(n)) >= leastProgress {
		u.trickle.Store(0)
		u.waited.Store(0)
		return false
	}
	return u.waited.Add(int64(waited)) > u.stall.Load()
}

// deadline returns the time at which the registry will have been silent for too long.
func (u *Activity) deadline() time.Time {
	if u.local.Load() > 0 {
		return time.Now().Add(u.wait())
	}
	return time.Unix(0, u.last.Load()).Add(u.wait())
}

// sendBuffer is the number of bytes written to a connection at once.
const sendBuffer = 128 << 10

// conn is a connection that fails when it makes no progress in either direction for the stall time of its request. Between
// requests, it waits without a limit.
type conn struct {
	net.Conn
	mu  sync.Mutex // protects changes of the deadline together with use
	use atomic.Pointer[Activity]
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

// withActivity returns a context that binds u to the connection of a request, until the connection becomes idle.
func withActivity(ctx context.Context, u *Activity) context.Context {
	var mine atomic.Pointer[conn]
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if c := connOf(info.Conn); c != nil {
				mine.Store(c)
				u.touch()
				c.bind(u)
			}
		},
		WroteRequest: func(httptrace.WroteRequestInfo) {
			if c := mine.Load(); c != nil && u.CommitStall > 0 {
				u.stall.Store(int64(u.CommitStall))
				u.touch()
				c.bind(u)
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

func (c *conn) bind(u *Activity) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.use.Store(u)
	_ = c.Conn.SetReadDeadline(c.limit(u)) // a broken connection fails on its next read
}

func (c *conn) limit(u *Activity) time.Time {
	if u == nil {
		return time.Time{}
	}
	return u.deadline()
}

// begin sets the deadline for one system call: the full stall time from now on.
func (c *conn) begin(set func(time.Time) error) *Activity {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.use.Load()
	if u == nil {
		_ = set(time.Time{})
		return nil
	}
	_ = set(time.Now().Add(u.wait()))
	return u
}

// Read implements io.Reader. It waits as long as bytes are sent.
func (c *conn) Read(p []byte) (int, error) {
	if failed := c.failed.Load(); failed != nil {
		return 0, *failed
	}
	u := c.begin(c.Conn.SetReadDeadline)
	first, start := u, time.Now()
	for {
		n, err := c.Conn.Read(p)
		if n > 0 {
			u = c.use.Load()
			switch {
			case u == nil:
			case u != first: // the call began before the request
				u.touch()
			case u.recordReceived(n, time.Since(start)):
				return n, c.fail(u)
			}
			return n, nil
		}
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		c.mu.Lock()
		u = c.use.Load()
		limit := c.limit(u)
		_ = c.Conn.SetReadDeadline(limit)
		c.mu.Unlock()
		if u != nil && !time.Now().Before(limit) {
			return 0, c.fail(u)
		}
	}
}

// fail returns the error of a stalled read, and makes all later reads fail.
func (c *conn) fail(u *Activity) error {
	failed := u.giveUp()
	c.failed.Store(&failed)
	return failed
}

// Write implements io.Writer. It counts the bytes, and continues as long as some are sent within the stall time.
func (c *conn) Write(p []byte) (written int, err error) {
	for {
		u := c.begin(c.Conn.SetWriteDeadline)
		n, err := c.Conn.Write(p[written:])
		written += n
		if u != nil && n > 0 {
			u.Sent.Add(int64(n))
			u.touch()
		}
		switch {
		case err == nil:
			return written, nil
		case n > 0 && errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case errors.Is(err, os.ErrDeadlineExceeded) && u != nil:
			err = u.giveUp()
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
func bodyOf(body io.ReadCloser, u *Activity) io.ReadCloser {
	if body == nil || body == http.NoBody {
		return body
	}
	return &waitingBody{body, u}
}

type waitingBody struct {
	io.ReadCloser
	use *Activity
}

// Read implements io.Reader.
func (b *waitingBody) Read(p []byte) (int, error) {
	b.use.local.Add(1)
	n, err := b.ReadCloser.Read(p)
	b.use.touch()
	b.use.local.Add(-1)
	return n, err
}

// BufferSize is the number of bytes that one connection reads or writes at once.
const BufferSize = 512 << 10

// buffers are reused, so that many small blobs do not leave many large buffers to the garbage collector.
var buffers = sync.Pool{New: func() any { b := make([]byte, BufferSize); return &b }}

// GetBuffer returns a buffer of BufferSize bytes, which the caller returns with PutBuffer.
func GetBuffer() []byte { return *buffers.Get().(*[]byte) }

// PutBuffer returns a buffer of GetBuffer.
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
