package serve

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/davit-oci/davit/artifact/registry"
)

const (
	// uploadBuffer is what an upload holds in memory.
	uploadBuffer = 256 << 10
	// maxUploads bounds the sessions, each of which has a file open.
	maxUploads = 1000
	// maxIdle is how long an upload may rest before it is forgotten: clients go on at once or never.
	maxIdle = 12 * time.Hour
)

// uploads are the sessions in which blobs arrive.
type uploads struct {
	mu       sync.Mutex
	sessions map[string]*upload
}

func newUploads() *uploads { return &uploads{sessions: map[string]*upload{}} }

// upload is one blob on its way.
type upload struct {
	id   string
	repo string
	turn chan struct{} // full while a request has the upload

	blob   registry.BlobWriter
	offset int64
	used   time.Time
}

// start begins an upload, whose turn the caller has.
func (u *uploads) start(ctx context.Context, repo *repository) (*upload, error) {
	w, ok := repo.layout.(writableLayout)
	if !ok {
		return nil, errReadOnly
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forgetIdle(time.Now())
	if len(u.sessions) >= maxUploads {
		return nil, refuse(http.StatusTooManyRequests, "TOOMANYREQUESTS", "%d uploads are open", len(u.sessions))
	}
	blob, err := w.NewBlob(ctx)
	if err != nil {
		return nil, err
	}
	up := &upload{id: rand.Text(), repo: repo.name, turn: make(chan struct{}, 1), blob: blob}
	up.turn <- struct{}{}
	u.sessions[up.id] = up
	return up, nil
}

// forgetIdle ends the uploads that nobody goes on with.
func (u *uploads) forgetIdle(now time.Time) {
	for id, up := range u.sessions {
		select {
		case up.turn <- struct{}{}:
			if now.Sub(up.used) > maxIdle {
				delete(u.sessions, id)
				_ = up.blob.Close() // and the file is swept later
			}
			<-up.turn
		default: // in use
		}
	}
}

// take waits for the turn of an upload; the caller gives it back by done.
func (u *uploads) take(ctx context.Context, repo, id string) (*upload, error) {
	up, ok := u.find(id)
	if !ok || up.repo != repo {
		return nil, uploadUnknown(id)
	}
	select {
	case up.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if _, ok := u.find(id); !ok { // ended while this one waited
		<-up.turn
		return nil, uploadUnknown(id)
	}
	return up, nil
}

func (u *uploads) find(id string) (*upload, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	up, ok := u.sessions[id]
	return up, ok
}

// done gives the turn back.
func (up *upload) done() {
	up.used = time.Now()
	<-up.turn
}

// end forgets an upload. What was not committed goes.
func (u *uploads) end(up *upload) error {
	u.mu.Lock()
	delete(u.sessions, up.id)
	u.mu.Unlock()
	return up.blob.Close()
}

// Close ends all uploads. No request is under way any more.
func (u *uploads) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	var errs []error
	for _, up := range u.sessions {
		errs = append(errs, up.blob.Close())
	}
	clear(u.sessions)
	return errors.Join(errs...)
}

func uploadUnknown(id string) error {
	return refuse(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "upload %q is not there", id)
}

// add appends what a request brings. What was written counts, even if the request breaks off.
func (up *upload) add(body io.Reader) error {
	buf := make([]byte, uploadBuffer)
	for {
		n, readErr := body.Read(buf)
		written, err := up.blob.Write(buf[:n])
		up.offset += int64(written)
		switch {
		case err != nil:
			return err
		case errors.Is(readErr, io.EOF):
			return nil
		case readErr != nil:
			return refuse(http.StatusBadRequest, "BLOB_UPLOAD_INVALID", "the request broke off: %v", readErr)
		}
	}
}
