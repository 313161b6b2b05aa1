// Package upload manages the sessions in which clients upload blobs.
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
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/serve/answer"
)

const (
	// bufferSize is the size of the buffer for a request body, in bytes.
	bufferSize = 256 << 10
	// maxSessions limits the number of sessions, because each has an open file.
	maxSessions = 1000
	// maxIdle is the time after which an unused session is closed. Clients usually continue a session at once or never.
	maxIdle = 12 * time.Hour
	// busyIdle replaces maxIdle when there are maxSessions sessions. Then only the session that has been unused for longest
	// is closed.
	busyIdle = time.Minute
)

// Sessions is the set of unfinished uploads.
type Sessions struct {
	mu       sync.Mutex
	sessions map[string]*Session
}

// New returns an empty set of sessions.
func New() *Sessions { return &Sessions{sessions: map[string]*Session{}} }

// Session is the upload of one blob. A request locks a session while it uses it, and unlocks it with Release.
type Session struct {
	ID     string
	Offset int64 // number of received bytes
	Blob   registry.BlobWriter

	repo string
	lock chan struct{} // full while a request has locked the session
	used time.Time     // end of the last request
}

// Start starts and locks a session for a repository, with a blob that newBlob creates. It fails with status 429 if there are too
// many sessions.
func (u *Sessions) Start(ctx context.Context, repo string, newBlob func(context.Context) (registry.BlobWriter, error)) (*Session, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closeIdle(time.Now(), maxIdle, len(u.sessions))
	if len(u.sessions) >= maxSessions {
		u.closeIdle(time.Now(), busyIdle, 1)
	}
	if len(u.sessions) >= maxSessions {
		return nil, answer.Refuse(http.StatusTooManyRequests, "TOOMANYREQUESTS", "too many uploads: %d are open", len(u.sessions))
	}
	blob, err := newBlob(ctx)
	if err != nil {
		return nil, err
	}
	up := &Session{ID: rand.Text(), Blob: blob, repo: repo, lock: make(chan struct{}, 1)}
	up.lock <- struct{}{}
	u.sessions[up.ID] = up
	return up, nil
}

// closeIdle closes sessions that have been unused for the duration idle: at most limit sessions, those unused for longest
// first. The caller holds u.mu.
func (u *Sessions) closeIdle(now time.Time, idle time.Duration, limit int) {
	var unused []*Session
	for _, up := range u.sessions {
		select {
		case up.lock <- struct{}{}:
			if now.Sub(up.used) > idle {
				unused = append(unused, up)
			} else {
				<-up.lock
			}
		default: // in use
		}
	}
	lists.Sort(unused, func(a, b *Session) int { return a.used.Compare(b.used) })
	for i, up := range unused {
		if i < limit {
			delete(u.sessions, up.ID)
			_ = up.Blob.Close() // the layout removes a remaining file later
		}
		<-up.lock
	}
}

// Take finds a session and locks it, after waiting until no other request has locked it. It fails with status 404 if there is no
// such session in the repository.
func (u *Sessions) Take(ctx context.Context, repo, id string) (*Session, error) {
	up, ok := u.find(id)
	if !ok || up.repo != repo {
		return nil, unknownError(id)
	}
	select {
	case up.lock <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if _, ok := u.find(id); !ok { // the session has ended in the meantime
		<-up.lock
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

// Release unlocks the session.
func (up *Session) Release() {
	up.used = time.Now()
	<-up.lock
}

// End ends a session. It removes a blob that is not committed.
func (u *Sessions) End(up *Session) error {
	u.mu.Lock()
	delete(u.sessions, up.ID)
	u.mu.Unlock()
	return up.Blob.Close()
}

// Close ends all sessions. No session may be locked.
func (u *Sessions) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	var errs []error
	for _, up := range u.sessions {
		errs = append(errs, up.Blob.Close())
	}
	clear(u.sessions)
	return fault.Join(errs...)
}

func unknownError(id string) error {
	return answer.Refuse(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "upload %q does not exist", id)
}

// Add appends the body of a request. If the request breaks off, Add fails, but keeps the received bytes.
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
			return answer.Refuse(http.StatusBadRequest, "BLOB_UPLOAD_INVALID", "reading the request body: %v", readErr)
		}
	}
}
