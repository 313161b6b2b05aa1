package upload

import (
	"cmp"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"

	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/remote/blob"

	"github.com/opencontainers/go-digest"
)

// uploadState is the saved state of an upload, with which another process can continue an interrupted upload. Its methods do
// nothing if it is nil. The file contains the URL of the session, which is a secret.
type uploadState struct {
	path  string
	lock  *filelock.Lock
	id    string // of the content
	saved bool   // the file exists
}

// savedUpload is the content of the file.
type savedUpload struct {
	ID       string        `json:"id"`
	Size     int64         `json:"size"`
	Digest   digest.Digest `json:"digest,omitempty"`
	Location string        `json:"location"`
	Method   method        `json:"way"`
	Chunk    int64         `json:"chunk,omitempty"`
	Least    int64         `json:"least,omitempty"`
	Hashed   int64         `json:"hashed,omitempty"`
	Hash     []byte        `json:"hash,omitempty"`
}

// resume locks the saved state of this upload, and continues the session that an interrupted process left.
func (u *upload) resume() {
	dir := blob.CacheDir(u.repo.Shared.CacheDir, "uploads")
	id := cmp.Or(u.blob.ID, u.digest.String())
	if dir == "" || id == "" || u.size >= 0 && u.size < resumableFrom {
		return
	}
	name := u.repo.Origin.String() + "/" + u.repo.Name.Repository + "\n" + id
	lock := filelock.Try(dir, name)
	if lock == nil {
		return // another process is sending the same blob
	}
	u.state = &uploadState{id: id, path: filepath.Join(dir, filelock.Key(name)+".json"), lock: lock}
	blob.Sweep(dir)
	data, err := os.ReadFile(u.state.path)
	var saved savedUpload
	if err != nil || json.Unmarshal(data, &saved) != nil || saved.ID != id || saved.Size != u.blob.Size ||
		u.digest != "" && saved.Digest != "" && saved.Digest != u.digest {
		return
	}
	location, err := url.Parse(saved.Location)
	if err != nil || location.Host == "" || u.repo.Origin.Scheme == "https" && location.Scheme != "https" {
		return
	}
	u.state.saved = true
	u.location, u.unsure, u.method, u.chunk, u.least = location, true, saved.Method, saved.Chunk, saved.Least
	if u.sum != nil && u.digest == "" {
		u.sum.restore(saved.Hashed, saved.Hash)
	}
}

// saveState writes the state of the upload. It ignores failures, because only a later process needs the state.
func (u *upload) saveState() {
	if u.state == nil || u.location == nil {
		return
	}
	saved := savedUpload{ID: u.state.id, Size: u.blob.Size, Digest: u.digest, Location: u.location.String(),
		Method: u.method, Chunk: u.chunk, Least: u.least}
	if u.sum != nil && u.digest == "" {
		saved.Hashed, saved.Hash = u.sum.state()
	}
	data, err := json.Marshal(saved)
	if err != nil {
		return
	}
	temp := u.state.path + ".new" // no other process writes this file, because this one has the lock
	if os.WriteFile(temp, data, 0o600) == nil && os.Rename(temp, u.state.path) == nil {
		u.state.saved = true
	}
}

// isKept reports whether another process can continue the upload.
func (s *uploadState) isKept() bool { return s != nil && s.saved }

// remove removes the state of a finished upload.
func (s *uploadState) remove() {
	if s != nil && s.saved {
		_ = os.Remove(s.path)
		s.saved = false
	}
}

// release unlocks the state for other processes.
func (s *uploadState) release() {
	if s != nil {
		s.lock.Release()
	}
}
