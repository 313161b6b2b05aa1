package upload

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/serve/answer"
)

// openSessions returns an empty set of sessions, a function that creates blobs in a layout, and the layout's directory.
func openSessions(t *testing.T) (*Sessions, func(context.Context) (registry.BlobWriter, error), string) {
	t.Helper()
	dir := t.TempDir()
	target, err := registry.New(registry.Options{}).Open(t.Context(), registry.Reference{Path: dir}, registry.Write)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close(context.Background(), nil) })
	layout := target.(interface {
		NewBlob(context.Context) (registry.BlobWriter, error)
	})
	return New(), layout.NewBlob, dir
}

func TestIdleSessions(t *testing.T) {
	t.Parallel()
	u, newBlob, dir := openSessions(t)
	var all []*Session
	for range 3 {
		up, err := u.Start(t.Context(), "x", newBlob)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, up)
	}
	all[0].Release()
	all[1].Release()
	now := time.Now()
	all[1].used = now.Add(maxIdle)
	u.mu.Lock()
	u.closeIdle(now.Add(maxIdle+time.Minute), maxIdle, len(all))
	u.mu.Unlock()
	for i, want := range []bool{false, true, true} { // idle, used later, locked
		if _, exists := u.find(all[i].ID); exists != want {
			t.Errorf("session %d exists: got %v, want %v", i, exists, want)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, ".davit", "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("got the files of uploads %q, %v, want 2", files, err)
	}
	if err := u.Close(); err != nil {
		t.Error(err)
	}
}

func TestTooManySessions(t *testing.T) {
	t.Parallel()
	u, newBlob, _ := openSessions(t)
	for i := range maxSessions {
		u.sessions[fmt.Sprint(i)] = &Session{lock: make(chan struct{}, 1), used: time.Now()}
	}
	_, err := u.Start(t.Context(), "x", newBlob)
	if got := answer.For(err); got.Status != http.StatusTooManyRequests {
		t.Errorf("too many sessions: got %v, want status 429", err)
	}
	// The least recently used session that is not locked is closed.
	for id, idle := range map[string]time.Duration{"7": time.Hour, "8": 2 * time.Hour, "9": 3 * time.Hour} {
		blob, err := newBlob(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		u.sessions[id] = &Session{ID: id, Blob: blob, lock: make(chan struct{}, 1), used: time.Now().Add(-idle)}
	}
	u.sessions["9"].lock <- struct{}{}
	if _, err := u.Start(t.Context(), "x", newBlob); err != nil {
		t.Errorf("too many sessions, some of them idle: got %v, want no error", err)
	}
	for id, want := range map[string]bool{"7": true, "8": false, "9": true, "10": true} {
		if _, ok := u.find(id); ok != want {
			t.Errorf("session %s exists: got %v, want %v", id, ok, want)
		}
	}
}
