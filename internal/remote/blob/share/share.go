// Package share has concurrent processes fetch a blob only once: one fetches it, and the others copy its file.
package share

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/remote/blob/download"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// DefaultStall is the time without a received byte of another process after which this one fetches the blob, too.
	DefaultStall = 15 * time.Second
	// minSize is the size from which sharing costs less than a request.
	minSize = 4 << 10
	// poll is the time between two checks of another process.
	poll = 20 * time.Millisecond
	// maxHeld limits the files that are kept open for processes that are some blobs behind.
	maxHeld = 64
)

// Downloads are the downloads of all processes of a user that share a directory. Nothing in it is trusted: a copied blob is
// verified, and fetched if its digest does not match.
type Downloads struct {
	Dir   string        // empty: each process fetches for itself
	Stall time.Duration // 0: DefaultStall

	mu     sync.Mutex
	active *os.File   // locked, shared, by each process that downloads
	held   []*os.File // blobs that this process has fetched, oldest first
}

// File fetches a blob into a file. If another process is fetching it, File waits for that process and copies its file. It
// calls fetch if there is no such process, or if that process ends or stalls.
func (d *Downloads) File(ctx context.Context, desc ocispec.Descriptor, to download.Destination, fetch func() error) error {
	if d.Dir == "" || !filelock.Supported || desc.Size < minSize || !d.join(ctx) {
		return fetch()
	}
	t := &ticket{path: filepath.Join(d.Dir, filelock.Key(desc.Digest.String()))}
	defer t.close()
	for since := time.Now(); ; {
		locked, err := t.take()
		if err != nil {
			return fetch()
		}
		if other := t.look(desc); other != nil {
			since = time.Now()
		}
		if locked {
			if t.canCopy() {
				t.release()
				if t.copy(ctx, desc, to) {
					return nil
				}
				t.forget()
				continue
			}
			return d.fetch(t, desc, to, fetch)
		}
		if time.Since(since) > d.stall() {
			return fetch()
		}
		if err := pause.For(ctx, poll); err != nil {
			return err
		}
	}
}

func (d *Downloads) stall() time.Duration {
	if d.Stall > 0 {
		return d.Stall
	}
	return DefaultStall
}

// fetch fetches the blob while others wait for it.
func (d *Downloads) fetch(t *ticket, desc ocispec.Descriptor, to download.Destination, fetch func() error) error {
	name, err := filepath.Abs(filepath.Join(to.Root.Name(), to.Name))
	if err != nil {
		return fetch()
	}
	t.write(record{Path: name})
	if err := fetch(); err != nil {
		t.write(record{})
		return err
	}
	r := record{Path: name, Complete: true}
	if d.hasOthers() {
		if f, err := to.Root.Open(to.Name); err == nil {
			r.Open = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd())
			d.hold(f)
		}
		t.write(r)
	} else {
		t.remove()
	}
	return nil
}

// hold keeps a file open, so that other processes can open it while this one runs, even if it is moved.
func (d *Downloads) hold(f *os.File) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held = append(d.held, f); len(d.held) > maxHeld {
		_ = d.held[0].Close()
		d.held = d.held[1:]
	}
}

// join creates the directory and marks this process as one that downloads. It returns false if the directory can't be used, or
// belongs to another user.
func (d *Downloads) join(ctx context.Context) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.active != nil {
		return true
	}
	if info, err := makeDir(d.Dir); !isOurs(info, err) || !info.IsDir() {
		return false
	}
	f, err := os.OpenFile(filepath.Join(d.Dir, "active"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false
	}
	if filelock.TryFile(f) { // no other process downloads: existing files are from processes that ended
		d.sweep()
	}
	if !filelock.WaitShared(ctx, f) {
		_ = f.Close()
		return false
	}
	d.active = f
	return true
}

// makeDir creates a directory unless it exists, and returns its info without following a link.
func makeDir(name string) (os.FileInfo, error) {
	if err := os.MkdirAll(name, 0o700); err != nil {
		return nil, err
	}
	return os.Lstat(name)
}

// sweep removes all tickets.
func (d *Downloads) sweep() {
	entries, err := os.ReadDir(d.Dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.Name() != "active" {
			_ = os.Remove(filepath.Join(d.Dir, e.Name()))
		}
	}
}

// hasOthers reports whether another process is downloading.
func (d *Downloads) hasOthers() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !filelock.TryUpgrade(d.active) || !filelock.Downgrade(d.active)
}

// Close ends the sharing.
func (d *Downloads) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range append(d.held, d.active) {
		if f != nil {
			_ = f.Close()
		}
	}
	d.held, d.active = nil, nil
}

// record is the content of a ticket's file.
type record struct {
	Path     string `json:"path"`           // the file that the blob is fetched into
	Open     string `json:"open,omitempty"` // the same as an open file of the process, on Linux
	Complete bool   `json:"complete"`
}

// ticket is the right to fetch one blob: the process that locked its file has it. The others keep the file open that this
// process writes to, so that they can copy it even if it was moved or removed.
type ticket struct {
	path   string
	file   *os.File  // locked if not nil
	record record    // as last read or written
	other  *os.File  // the file that another process writes to
	mtime  time.Time // of other
	copied bool      // other was copied, and is not the blob
}

// take tries to lock the ticket, and reads its record. It reports whether the lock was taken.
func (t *ticket) take() (bool, error) {
	for {
		f, err := os.OpenFile(t.path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return false, err
		}
		locked := filelock.TryFile(f)
		info, err := f.Stat()
		if there, statErr := os.Lstat(t.path); err == nil && locked && (statErr != nil || !os.SameFile(info, there)) {
			_ = f.Close() // removed in the meantime
			continue
		}
		data, readErr := io.ReadAll(io.LimitReader(f, 64<<10))
		t.record = record{}
		if err != nil || readErr != nil || json.Unmarshal(data, &t.record) != nil {
			t.record = record{} // empty, or just being written
		}
		if locked {
			t.file = f
			return true, nil
		}
		return false, f.Close()
	}
}

// look opens the file of the other process, and returns it if it has changed since the last look.
func (t *ticket) look(desc ocispec.Descriptor) *os.File {
	for _, name := range []string{t.record.Open, t.record.Path} {
		if name == "" {
			continue
		}
		f, err := openOurs(name, desc.Size)
		if err != nil {
			continue
		}
		if t.other != nil {
			_ = t.other.Close()
		}
		t.other = f
		break
	}
	if t.other == nil {
		return nil
	}
	info, err := t.other.Stat()
	if err != nil || info.ModTime().Equal(t.mtime) {
		return nil
	}
	t.mtime = info.ModTime()
	return t.other
}

// openOurs opens a regular file of this user with a size.
func openOurs(name string, size int64) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|filelock.OpenNonblock, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() != size || !isOurs(info, nil) {
		_ = f.Close()
		return nil, os.ErrInvalid
	}
	return f, nil
}

// canCopy reports whether another process has probably fetched the blob: the record is complete, or the ticket was removed.
func (t *ticket) canCopy() bool {
	return t.other != nil && !t.copied && (t.record.Complete || t.record == record{})
}

// forget drops a file that is not the blob.
func (t *ticket) forget() {
	t.copied = true
	_ = t.other.Close()
	t.other = nil
}

// copy copies the file of the other process, and reports whether it is the blob.
func (t *ticket) copy(ctx context.Context, desc ocispec.Descriptor, to download.Destination) bool {
	_ = to.Root.Remove(to.Name + download.StateSuffix)
	f, err := to.Root.OpenFile(to.Name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return false
	}
	_, err = files.Fill(ctx, files.Position{File: f}, t.other, desc, nil)
	if err != nil {
		_ = f.Truncate(0)
	}
	if closeErr := f.Close(); err != nil || closeErr != nil {
		return false
	}
	if to.Report != nil {
		to.Report(desc.Size, desc.Size)
	}
	return true
}

// write writes the record of a locked ticket. Without it, others fetch for themselves.
func (t *ticket) write(r record) {
	data, err := json.Marshal(r)
	if err == nil && t.file.Truncate(0) == nil {
		_, _ = t.file.WriteAt(data, 0)
	}
	t.record = r
}

// remove removes a locked ticket.
func (t *ticket) remove() { _ = os.Remove(t.path) }

// release ends the lock.
func (t *ticket) release() {
	_ = t.file.Close()
	t.file = nil
}

func (t *ticket) close() {
	for _, f := range []*os.File{t.file, t.other} {
		if f != nil {
			_ = f.Close()
		}
	}
}
