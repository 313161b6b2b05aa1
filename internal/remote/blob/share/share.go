// Package share makes concurrent processes fetch a blob only once: one process fetches it, and the others copy its file.
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
	// DefaultStall is the time without a new byte in another process's file after which this process fetches the blob itself.
	DefaultStall = 15 * time.Second
	// minSize is the size of the smallest blob that is shared. Requesting a smaller one costs less.
	minSize = 4 << 10
	// pollInterval is the time between two checks of another process's file.
	pollInterval = 20 * time.Millisecond
	// maxHeld limits the number of fetched files kept open for slower processes.
	maxHeld = 64
)

// Downloads coordinates the downloads of a user's processes that use the same directory. The directory's content is not trusted:
// a copied blob is verified, and fetched if its digest does not match.
type Downloads struct {
	Dir   string        // if empty, each process fetches for itself
	Stall time.Duration // if 0, DefaultStall

	mu     sync.Mutex
	active *os.File   // a file on which each downloading process has a shared lock
	held   []*os.File // open files of blobs that this process has fetched, oldest first
}

// File fetches a blob into a file. If another process is fetching it, File waits for that process and copies its file. It
// calls fetch if the blob is small, if there is no such process, or if that process ends or stalls.
func (d *Downloads) File(ctx context.Context, desc ocispec.Descriptor, to download.Destination, fetch func() error) error {
	if d.Dir == "" || !filelock.Supported || desc.Size < minSize || !d.join(ctx) {
		return fetch()
	}
	t := &ticket{path: filepath.Join(d.Dir, filelock.Key(desc.Digest.String()))}
	defer t.close()
	for since := time.Now(); ; {
		locked, err := t.tryLock()
		if err != nil {
			return fetch()
		}
		if t.hasChanged(desc) {
			since = time.Now()
		}
		if locked {
			if t.canCopy() {
				t.release()
				if t.copy(ctx, desc, to) {
					return nil
				}
				t.dropOther()
				continue
			}
			return d.fetch(t, desc, to, fetch)
		}
		if time.Since(since) > d.stall() {
			return fetch()
		}
		if err := pause.For(ctx, pollInterval); err != nil {
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

// fetch fetches the blob while other processes wait for it.
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

// join creates the directory and registers this process as one that downloads. It returns false if the directory can't be used or
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
	if filelock.TryFile(f) { // no other process downloads: the existing tickets belong to ended processes
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

// Close closes all files. Other processes can then no longer open the fetched files.
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
	Path     string `json:"path"`           // the file into which the blob is fetched
	Open     string `json:"open,omitempty"` // path in /proc of the same file, opened by the process; only on Linux
	Complete bool   `json:"complete"`
}

// ticket is the right to fetch one blob. The process that has locked the ticket's file has this right. Other processes open the
// blob file that this process writes, so that they can copy it even after it is moved or removed.
type ticket struct {
	path   string
	file   *os.File  // locked if not nil
	record record    // as last read or written
	other  *os.File  // the blob file that another process writes
	mtime  time.Time // modification time of other
	failed bool      // copying other failed, or the copy was not the blob
}

// tryLock tries to lock the ticket, and reads its record. It reports whether it locked the ticket.
func (t *ticket) tryLock() (bool, error) {
	for {
		f, err := os.OpenFile(t.path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return false, err
		}
		locked := filelock.TryFile(f)
		info, err := f.Stat()
		if now, statErr := os.Lstat(t.path); err == nil && locked && (statErr != nil || !os.SameFile(info, now)) {
			_ = f.Close() // removed in the meantime
			continue
		}
		data, readErr := io.ReadAll(io.LimitReader(f, 64<<10))
		t.record = record{}
		if err != nil || readErr != nil || json.Unmarshal(data, &t.record) != nil {
			t.record = record{} // the file is empty or being written
		}
		if locked {
			t.file = f
			return true, nil
		}
		return false, f.Close()
	}
}

// hasChanged opens the blob file of the other process, and reports whether the file has changed since the last call.
func (t *ticket) hasChanged(desc ocispec.Descriptor) bool {
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
		return false
	}
	info, err := t.other.Stat()
	if err != nil || info.ModTime().Equal(t.mtime) {
		return false
	}
	t.mtime = info.ModTime()
	return true
}

// openOurs opens a file. It fails unless the file is a regular one with the given size that belongs to this user.
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
	return t.other != nil && !t.failed && (t.record.Complete || t.record == record{})
}

// dropOther closes the blob file of the other process, after copying it failed.
func (t *ticket) dropOther() {
	t.failed = true
	_ = t.other.Close()
	t.other = nil
}

// copy copies the blob file of the other process, and reports whether the copy is the blob.
func (t *ticket) copy(ctx context.Context, desc ocispec.Descriptor, to download.Destination) bool {
	_ = to.Root.Remove(to.Name + download.StateSuffix)
	f, err := to.Root.OpenFile(to.Name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return false
	}
	if to.Report != nil {
		to.Report(0, 0) // the first report is about bytes that were in the file before
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

// write writes the record of a locked ticket. It ignores errors: without the record, other processes fetch the blob themselves.
func (t *ticket) write(r record) {
	data, err := json.Marshal(r)
	if err == nil && t.file.Truncate(0) == nil {
		_, _ = t.file.WriteAt(data, 0)
	}
	t.record = r
}

// remove removes a locked ticket.
func (t *ticket) remove() { _ = os.Remove(t.path) }

// release unlocks a locked ticket.
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
