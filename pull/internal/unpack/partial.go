package unpack

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"sync"
)

// ErrRestarted means that a blob was fetched a second time while it was unpacked, so that files may have been made from bytes that
// were refused. Options.WaitForAll avoids it.
var ErrRestarted = errors.New("the layer was fetched a second time")

// A download is the state of a blob that is being fetched into a file. The file can be read up to the bytes that are ready.
type download struct {
	mu       sync.Mutex
	changed  sync.Cond
	ready    int64 // number of bytes that can be read
	verified bool  // the file holds the complete, verified blob
	restarts int   // times that the download began again; bytes that were ready before may differ from the current ones
	uses     int   // number of items that still need the blob
}

func newDownload() *download {
	d := &download{}
	d.changed.L = &d.mu
	return d
}

// setReady records the number of bytes that can be read. A smaller number than before is a restart.
func (d *download) setReady(ready int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ready < d.ready {
		d.restarts++
	}
	d.ready = ready
	d.changed.Broadcast()
}

// setVerified records that the blob is complete.
func (d *download) setVerified() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.verified = true
	d.changed.Broadcast()
}

// wait waits until the blob is complete, or more than offset bytes of it are ready. It returns the number of ready bytes,
// which is math.MaxInt64 for a complete blob, and the number of restarts.
func (d *download) wait(ctx context.Context, offset int64) (ready int64, restarts int, err error) {
	stop := context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.changed.Broadcast()
	})
	defer stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		switch {
		case ctx.Err() != nil:
			return 0, 0, ctx.Err()
		case d.verified:
			return math.MaxInt64, d.restarts, nil
		case d.ready > offset:
			return d.ready, d.restarts, nil
		}
		d.changed.Wait()
	}
}

// waitVerified waits until the blob is complete.
func (d *download) waitVerified(ctx context.Context) error {
	_, _, err := d.wait(ctx, math.MaxInt64)
	return err
}

// A partialReader reads a blob while it is being fetched. The bytes are not verified; see verify.
type partialReader struct {
	ctx      context.Context
	download *download
	root     *os.Root
	name     string
	file     *os.File
	offset   int64
	restarts int
}

// Read waits until bytes are ready, and reads them.
func (r *partialReader) Read(p []byte) (int, error) {
	ready, restarts, err := r.download.wait(r.ctx, r.offset)
	if err != nil {
		return 0, err
	}
	if r.file == nil {
		r.restarts = restarts
		if r.file, err = r.root.Open(r.name); err != nil {
			return 0, err
		}
	}
	if restarts != r.restarts {
		return 0, ErrRestarted
	}
	n, err := r.file.ReadAt(p[:min(int64(len(p)), ready-r.offset)], r.offset)
	r.offset += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// verify waits for the end of the download. It returns ErrRestarted if the reader read bytes from before a restart.
func (r *partialReader) verify() error {
	_, restarts, err := r.download.wait(r.ctx, math.MaxInt64)
	if err == nil && r.file != nil && restarts != r.restarts {
		err = ErrRestarted
	}
	return err
}

// Close closes the file.
func (r *partialReader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
