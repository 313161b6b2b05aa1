// Package limit limits the resources that the clients of a server can use: memory, connections, and the time of stalled requests.
package limit

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/davit-oci/davit/internal/serve/answer"
	"golang.org/x/sync/semaphore"
)

const (
	// MaxConnections limits the number of open connections. Further clients wait until one is closed.
	MaxConnections = 512
	// MaxMemory limits the memory of all active requests together, in bytes, without buffers.
	MaxMemory = 64 << 20
	// MaxBodies limits the memory of the large bodies that are being received, in bytes.
	MaxBodies = 40 << 20
	// maxWait limits how long a request waits for memory.
	maxWait = time.Minute
	// Stall limits how long a client may neither send nor receive bytes during a request.
	Stall = time.Minute
	// sendStep is the number of bytes of a file that the kernel sends under one deadline.
	sendStep = 8 << 20
)

// Memory limits the memory of all requests of a server together.
type Memory struct {
	free  *semaphore.Weighted
	total int64
}

// NewMemory returns a Memory of total bytes.
func NewMemory(total int64) *Memory { return &Memory{semaphore.NewWeighted(total), total} }

// Take waits until size bytes are free, and reserves them. It treats a size above the total as the total. The caller releases
// the bytes by calling release. Take fails with status 503 after waiting for a minute.
func (m *Memory) Take(ctx context.Context, size int64) (release func(), err error) {
	size = min(size, m.total)
	waiting, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	if m.free.Acquire(waiting, size) != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, answer.Refuse(http.StatusServiceUnavailable, "TOOMANYREQUESTS", "too many large requests at once; try again")
	}
	return func() { m.free.Release(size) }, nil
}

// Body is a request body whose Read fails if the client sends no bytes for the duration Stall.
type Body struct {
	io.ReadCloser
	control *http.ResponseController
	end     time.Time
}

// NewBody returns a Body that sets the read deadline of the request's connection.
func NewBody(w http.ResponseWriter, body io.ReadCloser) *Body {
	return &Body{ReadCloser: body, control: http.NewResponseController(w)}
}

// Within makes reads fail if the body has not ended after d. It is for small bodies that are kept in memory.
func (b *Body) Within(d time.Duration) { b.end = time.Now().Add(d) }

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	deadline := time.Now().Add(Stall)
	if !b.end.IsZero() && b.end.Before(deadline) {
		deadline = b.end
	}
	if err := b.control.SetReadDeadline(deadline); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return 0, err
	}
	return b.ReadCloser.Read(p)
}

// Listen returns a listener that limits the number of open connections. Writes to a connection fail if the client receives no
// bytes for the duration Stall.
func Listen(l net.Listener, connections int) net.Listener {
	return &listener{Listener: l, open: make(chan struct{}, connections), closed: make(chan struct{})}
}

// listener is the result of Listen.
type listener struct {
	net.Listener
	open   chan struct{} // an element for each open connection
	closed chan struct{}
	end    sync.Once
}

// Accept implements net.Listener. It waits until fewer connections are open than the limit.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.open <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.open
		return nil, err
	}
	return &conn{Conn: c, release: sync.OnceFunc(func() { <-l.open })}, nil
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.end.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// conn is a connection of a listener.
type conn struct {
	net.Conn
	release func()
}

// Write implements net.Conn, with a deadline.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(Stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// ReadFrom implements io.ReaderFrom. The kernel sends files in parts, each with its own deadline.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	part, ok := r.(*io.LimitedReader)
	if file, isFile := r.(*os.File); isFile {
		part, ok = &io.LimitedReader{R: file, N: 1<<63 - 1}, true
	}
	if !ok {
		return io.Copy(struct{ io.Writer }{c}, r)
	}
	var sent int64
	for part.N > 0 {
		if err := c.SetWriteDeadline(time.Now().Add(Stall)); err != nil {
			return sent, err
		}
		step := &io.LimitedReader{R: part.R, N: min(part.N, sendStep)}
		n, err := io.Copy(c.Conn, step)
		sent += n
		part.N -= n
		if err != nil || n == 0 {
			return sent, err
		}
	}
	return sent, nil
}

// Close implements net.Conn, and allows the listener to accept another connection.
func (c *conn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
