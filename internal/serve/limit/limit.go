// Package limit bounds what the clients of a server make it hold: memory, connections, and requests that do not move.
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
	// MaxConnections limits the open connections. Further clients wait until one is closed.
	MaxConnections = 512
	// MaxMemory limits what the requests that are being served hold together, besides buffers.
	MaxMemory = 64 << 20
	// MaxBodies limits the large bodies that are being received.
	MaxBodies = 40 << 20
	// maxWait limits the time that a request waits for memory.
	maxWait = time.Minute
	// Stall limits the time in which a client neither sends nor takes anything in the middle of a request.
	Stall = time.Minute
	// sendStep is the part of a file that the kernel sends under one deadline.
	sendStep = 8 << 20
)

// Memory bounds the memory of all requests of a server together.
type Memory struct {
	free *semaphore.Weighted
	most int64
}

// NewMemory returns a Memory of most bytes.
func NewMemory(most int64) *Memory { return &Memory{semaphore.NewWeighted(most), most} }

// Take reserves memory for a request, and waits for it. The function that it returns ends the reservation.
func (m *Memory) Take(ctx context.Context, size int64) (release func(), err error) {
	size = min(size, m.most)
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

// Body is a request body that fails when the client sends nothing for Stall.
type Body struct {
	io.ReadCloser
	control *http.ResponseController
	end     time.Time
}

// NewBody returns a Body that sets the read deadline of the request's connection.
func NewBody(w http.ResponseWriter, body io.ReadCloser) *Body {
	return &Body{ReadCloser: body, control: http.NewResponseController(w)}
}

// Within makes the body fail when it has not ended after some time. It is for small bodies that are kept in memory.
func (b *Body) Within(d time.Duration) { b.end = time.Now().Add(d) }

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

// Listen bounds the connections of a listener, and the time to send to a client that takes nothing: Stall.
func Listen(l net.Listener, connections int) net.Listener {
	return &listener{Listener: l, open: make(chan struct{}, connections), closed: make(chan struct{})}
}

type listener struct {
	net.Listener
	open   chan struct{} // an element for each open connection
	closed chan struct{}
	end    sync.Once
}

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

func (l *listener) Close() error {
	l.end.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type conn struct {
	net.Conn
	release func()
}

func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(Stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// ReadFrom lets the kernel send files, a part under each deadline.
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

func (c *conn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
