package write

import (
	"context"
	"io"
	"io/fs"
	"path"
	"runtime"
	"sync"

	"github.com/davit-oci/davit/internal/archive"
)

// readAhead reads the small files of an archive before their turn, in several goroutines. Files with metadata to preserve are
// not read ahead, since writing their headers requires their file descriptors.
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
	ready   chan struct{} // receives one value when content or err is set
}

// isSmall reports whether e is read ahead.
func (t Tree) isSmall(e *Entry) bool {
	return !t.Preserve && e.Mode.IsRegular() && e.Size <= archive.SmallFile && !e.IsHardLink()
}

// startReadAhead starts reading. The caller cancels ctx before it calls wait.
func (t Tree) startReadAhead(ctx context.Context, entries []Entry) *readAhead {
	a := &readAhead{ordered: make(chan *smallRead, archive.MaxAhead), free: make(chan *smallRead, archive.MaxAhead)}
	if t.Preserve {
		return a
	}
	workers := min(runtime.GOMAXPROCS(0), 4)
	work := make(chan *smallRead)
	a.group.Go(func() {
		defer close(work)
		defer close(a.ordered)
		a.handOut(ctx, t, entries, work)
	})
	for range workers {
		a.group.Go(func() {
			for r := range work {
				r.read(t.FS, archive.CleanDir(t.Dir))
				r.ready <- struct{}{}
			}
		})
	}
	return a
}

// handOut hands out the small files in order, up to archive.MaxAhead at a time.
func (a *readAhead) handOut(ctx context.Context, t Tree, entries []Entry, work chan<- *smallRead) {
	made := 0
	for i := range entries {
		if !t.isSmall(&entries[i]) {
			continue
		}
		var r *smallRead
		if made < archive.MaxAhead && len(a.free) == 0 {
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
			a.ordered <- r // never blocks: it has room for every smallRead
		case <-ctx.Done():
			return
		}
	}
}

// next returns the next small file, or nil if the context was canceled.
func (a *readAhead) next() *smallRead {
	r, ok := <-a.ordered
	if !ok {
		return nil
	}
	<-r.ready
	return r
}

// release returns the buffer.
func (a *readAhead) release(r *smallRead) { a.free <- r }

// wait waits for all goroutines.
func (a *readAhead) wait() { a.group.Wait() }

// read reads the file and checks that it is still the walked one.
func (r *smallRead) read(fsys fs.FS, dir string) {
	r.content, r.err = nil, nil
	f, err := fsys.Open(path.Join(dir, r.entry.Name))
	if err != nil {
		r.err = err
		return
	}
	defer f.Close()
	r.buf = archive.Resize(r.buf, r.entry.Size)
	_, err = io.ReadFull(f, r.buf)
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		r.err = archive.ErrChanged
	case err != nil:
		r.err = err
	default:
		r.content, r.err = r.buf, r.entry.checkUnchanged(f)
	}
}
