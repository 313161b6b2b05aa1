// Package upload keeps the sessions in which clients upload blobs.
package upload

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/serve/answer"
)

const (
	// bufferSize is the memory of one request with content.
	bufferSize = 256 << 10
	// maxSessions limits the sessions, each of which has an open file.
	maxSessions = 1000
	// maxIdle is the time after which an unused session is closed. Clients continue at once or never.
	maxIdle = 12 * time.Hour
	// busyIdle is the same while there are maxSessions: then the one that was not used for longest is closed.
	busyIdle = time.Minute
)

// Sessions are the uploads that have started and not ended.
type Sessions struct {
	mu       sync.Mutex
	sessions map[string]*Session
}

// New returns an empty set of sessions.
func New() *Sessions { return &Sessions{sessions: map[string]*Session{}} }

// Session is the upload of one blob. A request that uses it holds it until it calls Release.
type Session struct {
	ID     string
	Offset int64 // bytes received
	Blob   registry.BlobWriter

	repo string
	turn chan struct{} // full while a request holds the session
	used time.Time
}

// Start starts a session in a repository, which the caller holds. The blob is created by newBlob.
func (u *Sessions) Start(ctx context.Context, repo string, newBlob func(context.Context) (registry.BlobWriter, error)) (*Session, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forgetIdle(time.Now(), maxIdle, len(u.sessions))
	if len(u.sessions) >= maxSessions {
		u.forgetIdle(time.Now(), busyIdle, 1)
	}
	if len(u.sessions) >= maxSessions {
		return nil, answer.Refuse(http.StatusTooManyRequests, "TOOMANYREQUESTS", "too many uploads: %d are open", len(u.sessions))
	}
	blob, err := newBlob(ctx)
	if err != nil {
		return nil, err
	}
	up := &Session{ID: rand.Text(), Blob: blob, repo: repo, turn: make(chan struct{}, 1)}
	up.turn <- struct{}{}
	u.sessions[up.ID] = up
	return up, nil
}

// forgetIdle closes sessions that were not used for some time, the oldest first, and at most so many. u.mu is held.
func (u *Sessions) forgetIdle(now time.Time, idle time.Duration, most int) {
	var unused []*Session
	for _, up := range u.sessions {
		select {
		case up.turn <- struct{}{}:
			if now.Sub(up.used) > idle {
				unused = append(unused, up)
			} else {
				<-up.turn
			}
		default: // in use
		}
	}
	lists.Sort(unused, func(a, b *Session) int { return a.used.Compare(b.used) })
	for i, up := range unused {
		if i < most {
			delete(u.sessions, up.ID)
			_ = up.Blob.Close() // a file that remains is removed later
		}
		<-up.turn
	}
}

// Take waits until no other request holds a session. The caller holds it then.
func (u *Sessions) Take(ctx context.Context, repo, id string) (*Session, error) {
	up, ok := u.find(id)
	if !ok || up.repo != repo {
		return nil, unknownError(id)
	}
	select {
	case up.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if _, ok := u.find(id); !ok { // it ended in the meantime
		<-up.turn
		return nil, unknownError(id)
	}
	return up, nil
}

func (u *Sessions) find(id string) (*Session, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	up, ok := u.sessions[id]
	return up, ok
}

// Release ends the hold of a request.
func (up *Session) Release() {
	up.used = time.Now()
	<-up.turn
}

// End ends a session. A blob that is not committed is removed.
func (u *Sessions) End(up *Session) error {
	u.mu.Lock()
	delete(u.sessions, up.ID)
	u.mu.Unlock()
	return up.Blob.Close()
}

// Close ends all sessions. No request may hold one.
func (u *Sessions) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	var errs []error
	for _, up := range u.sessions {
		errs = append(errs, up.Blob.Close())
	}
	clear(u.sessions)
	return errors.Join(errs...)
}

func unknownError(id string) error {
	return answer.Refuse(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "upload %q does not exist", id)
}

// Add appends the body of a request. The bytes that were received stay if the request breaks off.
func (up *Session) Add(body io.Reader) error {
	buf := make([]byte, bufferSize)
	for {
		n, readErr := body.Read(buf)
		written, err := up.Blob.Write(buf[:n])
		up.Offset += int64(written)
		switch {
		case err != nil:
			return err
		case errors.Is(readErr, io.EOF):
			return nil
		case readErr != nil:
			return answer.Refuse(http.StatusBadRequest, "BLOB_UPLOAD_INVALID", "the request broke off: %v", readErr)
		}
	}
}
