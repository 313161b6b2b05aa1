package extract

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"sync"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/archive/sysfile"
)

// unpacker unpacks one archive.
type unpacker struct {
	x    *Extractor
	it   *read.Iterator
	buf  []byte     // for copying large files
	dir  *directory // the directory entered last
	work chan *job
	free chan *job
	made int            // number of jobs, at most archive.MaxAhead
	todo sync.WaitGroup // unfinished jobs
	pool sync.WaitGroup // running workers

	mu  sync.Mutex
	err error // first error of the workers
}

// job is a small file to write.
type job struct {
	dir *directory
	h   *read.Header
	buf []byte
}

func newUnpacker(x *Extractor, it *read.Iterator) *unpacker {
	u := &unpacker{
		x: x, it: it, buf: make([]byte, archive.BufferSize),
		work: make(chan *job, archive.MaxAhead), free: make(chan *job, archive.MaxAhead),
	}
	for range min(runtime.GOMAXPROCS(0), 4) {
		u.pool.Go(func() {
			for j := range u.work {
				u.writeSmall(j)
			}
		})
	}
	return u
}

// run unpacks entry by entry.
func (u *unpacker) run(ctx context.Context) error {
	for {
		h, err := u.it.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := u.unpackEntry(h); err != nil {
			return err
		}
		if err := u.firstErr(); err != nil {
			return err
		}
	}
}

// stop ends the workers and waits for them.
func (u *unpacker) stop() error {
	close(u.work)
	u.pool.Wait()
	u.leave()
	return u.firstErr()
}

// firstErr returns the first error of the workers.
func (u *unpacker) firstErr() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

func (u *unpacker) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		u.err = err
	}
}

// unpackEntry unpacks one entry.
func (u *unpacker) unpackEntry(h *read.Header) error {
	if u.x.opts.Image {
		isWhiteout, err := u.replace(h)
		if isWhiteout || err != nil {
			return err
		}
	}
	if h.Mode.IsDir() {
		return u.createDirectory(h)
	}
	dir, err := u.enter(path.Dir(h.Name))
	if err != nil {
		return err
	}
	switch {
	case h.Mode.Type() == fs.ModeSymlink:
		err = u.createSymlink(dir, h)
	case h.Mode.Type() == fs.ModeNamedPipe:
		err = u.createPipe(dir, h)
	case h.IsHardLink():
		err = u.createHardLink(h)
	case h.Size <= archive.SmallFile && !h.IsSparse:
		return u.queueFile(dir, h)
	default:
		err = u.writeFile(dir, h)
	}
	return err
}

// createSymlink creates a symbolic link.
func (u *unpacker) createSymlink(dir *directory, h *read.Header) error {
	base := path.Base(h.Name)
	if err := dir.root.Symlink(h.Link, base); err != nil {
		return err
	}
	if !u.x.opts.Verbatim && archive.DependsOnLinks(h.Link) {
		u.x.mu.Lock()
		u.x.resolve = append(u.x.resolve, h.Name)
		u.x.mu.Unlock()
	}
	if u.x.opts.Preserve {
		if err := u.x.restoreLink(dir.root, base, h); err != nil {
			return err
		}
	}
	u.x.report(h, nil)
	return nil
}

// createPipe creates a named pipe.
func (u *unpacker) createPipe(dir *directory, h *read.Header) error {
	base := path.Base(h.Name)
	f, err := dir.root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	if err := sysfile.MakePipe(f, base, u.x.mode(h)); err != nil {
		return fmt.Errorf("unpacking %q: %w", h.Name, err)
	}
	if u.x.opts.Preserve {
		if err := u.x.restoreLink(dir.root, base, h); err != nil {
			return err
		}
	}
	u.x.report(h, nil)
	return nil
}

// createHardLink creates another name of a file, once the workers have written it.
func (u *unpacker) createHardLink(h *read.Header) error {
	u.todo.Wait()
	if err := u.firstErr(); err != nil {
		return err
	}
	if err := u.x.root.Link(h.Link, h.Name); err != nil {
		return err
	}
	u.x.report(h, nil)
	return nil
}

// queueFile reads a small file and queues it for a worker.
func (u *unpacker) queueFile(dir *directory, h *read.Header) error {
	var j *job
	if u.made < archive.MaxAhead && len(u.free) == 0 {
		u.made++
		j = new(job)
	} else {
		j = <-u.free
	}
	j.h, j.buf = h, archive.Resize(j.buf, h.Size)
	if _, err := io.ReadFull(u.it.Content(h), j.buf); err != nil {
		return err
	}
	j.dir = dir.hold()
	u.todo.Add(1)
	u.work <- j
	return nil
}

// writeSmall writes a small file.
func (u *unpacker) writeSmall(j *job) {
	if err := u.create(j.dir, j.h, func(_ *os.File, w io.Writer) error {
		_, err := w.Write(j.buf)
		return err
	}); err != nil {
		u.fail(err)
	}
	j.dir.release()
	u.free <- j
	u.todo.Done()
}

// writeFile writes a large or sparse file while reading it.
func (u *unpacker) writeFile(dir *directory, h *read.Header) error {
	return u.create(dir, h, func(f *os.File, w io.Writer) error {
		if h.IsSparse {
			return u.writeSparse(f, h)
		}
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, u.it.Content(h), u.buf)
		return err
	})
}

// writeSparse writes the extents of a file, with holes between them.
func (u *unpacker) writeSparse(f *os.File, h *read.Header) error {
	stored := u.it.StoredContent(h)
	for _, e := range h.Extents {
		if _, err := f.Seek(e.Offset, io.SeekStart); err != nil {
			return err
		}
		piece := struct{ io.Reader }{io.LimitReader(stored, e.Length)}
		if _, err := io.CopyBuffer(struct{ io.Writer }{f}, piece, u.buf); err != nil {
			return err
		}
	}
	return f.Truncate(h.Size)
}

// create creates a file, calls fill to write it, and sets its metadata through its descriptor.
func (u *unpacker) create(dir *directory, h *read.Header, fill func(f *os.File, w io.Writer) error) (err error) {
	f, err := dir.root.OpenFile(path.Base(h.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL|sysfile.NoPolling, 0o600)
	if err != nil {
		return fmt.Errorf("unpacking %q: %w", h.Name, err)
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	var digest hash.Hash
	var w io.Writer = f
	if u.x.opts.Digests && !h.IsSparse {
		digest = sha256.New()
		w = io.MultiWriter(f, digest)
	}
	if err := fill(f, w); err != nil {
		return err
	}
	if err := u.x.restore(f, h); err != nil {
		return err
	}
	u.x.report(h, digest)
	return nil
}
