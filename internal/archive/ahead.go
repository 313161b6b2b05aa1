package archive

import (
	"context"
	"io"
	"io/fs"
	"path"
	"runtime"
	"sync"
)

const (
	// smallFile is up to what size a file is handled as a whole by one of several goroutines. Opening and closing
	// costs as much as copying about this much.
	smallFile = 64 << 10
	// maxAhead bounds the memory of what is read ahead or not yet written: 64 files, 4 MiB.
	maxAhead = 64
)

// readAhead reads the small files of an archive before their turn, on several goroutines. Only files without metadata
// to preserve are small: the others need their descriptor when the header is written.
type readAhead struct {
	ordered chan *smallRead // in the order of the entries
	free    chan *smallRead
	group   sync.WaitGroup
}

// smallRead is the content of one small file.
type smallRead struct {
	entry   *Entry
	buf     []byte
	content []byte
	err     error
	ready   chan struct{} // gets one value when content or err is set
}

// isSmall tells whether e is read ahead.
func (t Tree) isSmall(e *Entry) bool {
	return !t.Preserve && e.Mode.IsRegular() && e.Size <= smallFile && !e.HardLink()
}

// readAhead starts reading. The caller cancels ctx before it calls wait.
func (t Tree) readAhead(ctx context.Context, entries []Entry) *readAhead {
	a := &readAhead{ordered: make(chan *smallRead, maxAhead), free: make(chan *smallRead, maxAhead)}
	if t.Preserve {
		return a
	}
	workers := min(runtime.GOMAXPROCS(0), 4)
	work := make(chan *smallRead)
	a.group.Go(func() {
		defer close(work)
		defer close(a.ordered)
		a.feed(ctx, t, entries, work)
	})
	for range workers {
		a.group.Go(func() {
			for r := range work {
				r.read(t.FS, clean(t.Dir))
				r.ready <- struct{}{}
			}
		})
	}
	return a
}

// feed hands out the small files in order, as many as there may be ahead.
func (a *readAhead) feed(ctx context.Context, t Tree, entries []Entry, work chan<- *smallRead) {
	made := 0
	for i := range entries {
		if !t.isSmall(&entries[i]) {
			continue
		}
		var r *smallRead
		if made < maxAhead && len(a.free) == 0 {
			made++
			r = &smallRead{ready: make(chan struct{}, 1)}
		} else {
			select {
			case r = <-a.free:
			case <-ctx.Done():
				return
			}
		}
		r.entry = &entries[i]
		select {
		case work <- r:
			a.ordered <- r // has room for all that exist
		case <-ctx.Done():
			return
		}
	}
}

// take gives the content of the next small file, or nil if the context was cancelled.
func (a *readAhead) take() *smallRead {
	r, ok := <-a.ordered
	if !ok {
		return nil
	}
	<-r.ready
	return r
}

// release gives the buffer back.
func (a *readAhead) release(r *smallRead) { a.free <- r }

// wait returns when no goroutine is left.
func (a *readAhead) wait() { a.group.Wait() }

// read reads the whole file and checks that it is still the one that was walked.
func (r *smallRead) read(fsys fs.FS, dir string) {
	r.content, r.err = nil, nil
	f, err := fsys.Open(path.Join(dir, r.entry.Name))
	if err != nil {
		r.err = err
		return
	}
	defer f.Close()
	r.buf = resize(r.buf, r.entry.Size)
	_, err = io.ReadFull(f, r.buf)
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		r.err = ErrChanged
	case err != nil:
		r.err = err
	default:
		r.content, r.err = r.buf, r.entry.unchanged(f)
	}
}

// resize gives a buffer of n bytes, the same one if it is large enough.
func resize(buf []byte, n int64) []byte {
	if int64(cap(buf)) < n {
		return make([]byte, n)
	}
	return buf[:n]
}
