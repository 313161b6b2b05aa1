package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"sync"
)

// ErrSkip is what ExtractOptions.Place returns for an entry that is not wanted.
var ErrSkip = errors.New("entry is left out")

// ExtractOptions say how archives are unpacked.
type ExtractOptions struct {
	ReadOptions
	// Place gives the clean slash path below the destination for the clean name of an entry, or ErrSkip. nil: the same.
	// A hard link to an entry that is left out is an error.
	Place func(name string) (string, error)
	// Preserve restores setuid bits, times, extended attributes and, for root, owners. What this user or file system
	// may not have is reported to Note. Without it modes lose setuid, setgid and sticky bits, and owners may always
	// read their files, and read and change their directories.
	Preserve bool
	// Unprivileged keeps Preserve from restoring what gives rights to whoever runs a file: setuid and setgid bits, and
	// attributes as file capabilities are ("security.…").
	Unprivileged bool
	// Digests asks for the SHA-256 of every file.
	Digests bool
	// Placed is told of every entry that is done, one call at a time, in no particular order. nil: nobody is.
	Placed func(Placed)
	// Note is told what could not be preserved, one call at a time. nil: nobody is.
	Note func(name, what string)
}

// Placed is an entry that was unpacked.
type Placed struct {
	Name   string // where it is, below the destination
	Mode   fs.FileMode
	Size   int64
	Link   string   // see Header
	Digest [32]byte // of a regular file's content, if asked for; zero for hard links and sparse files
}

// Extractor unpacks archives, one after the other or several at once, into one directory, through an os.Root alone.
// The directory belongs to the Extractor and is empty at first: whoever calls it moves the result to its place, and
// removes it if anything failed.
//
// Files are created, never opened, never written through a link. Archives for one Extractor must not have a file in
// common, unless they are layers of an image (see ReadOptions.Image), which must come in their order.
type Extractor struct {
	root  *os.Root
	opts  ExtractOptions
	names *names

	mu      sync.Mutex // for resolve, and calls of Placed and Note
	resolve []string   // symbolic links that must be resolved in the end
	dirMu   sync.Mutex // for dirs, and the making of directories
	dirs    map[string]*Header
}

// NewExtractor returns an Extractor that unpacks into root.
func NewExtractor(root *os.Root, opts ExtractOptions) *Extractor {
	if opts.Image {
		opts.Exact = true // real images have names that differ only in case
	}
	return &Extractor{root: root, opts: opts, names: newNames(opts.Exact), dirs: make(map[string]*Header)}
}

// Extract unpacks one archive with the given options and nothing else.
func Extract(ctx context.Context, r io.Reader, root *os.Root, opts ExtractOptions) error {
	x := NewExtractor(root, opts)
	if err := x.Extract(ctx, r); err != nil {
		return err
	}
	return x.Close()
}

// Extract unpacks one archive, which it reads to its end.
func (x *Extractor) Extract(ctx context.Context, r io.Reader) error {
	it, err := newIterator(struct{ io.Reader }{r}, x.opts.ReadOptions, x.names, x.opts.Place)
	if err != nil {
		return err
	}
	defer it.close()
	u := newUnpacker(x, it)
	err = u.run(ctx)
	if workErr := u.stop(); err == nil {
		err = workErr
	}
	return err
}

// Close checks the links and gives directories their metadata: what must follow the last archive when the tree stays
// where it is.
func (x *Extractor) Close() error {
	if err := x.CheckLinks(); err != nil {
		return err
	}
	if err := x.FinishDirs(); err != nil {
		return err
	}
	return x.LockDirs(x.root)
}

// CheckLinks refuses symbolic links that lead out, of those where only the whole tree can tell.
func (x *Extractor) CheckLinks() error {
	for _, name := range x.resolve {
		target, err := x.root.Readlink(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a later layer of an image took it away
		}
		if err != nil {
			return err
		}
		if err := resolveLink(name, target, clean(x.opts.Within), func(at string) (string, bool) {
			target, err := x.root.Readlink(at)
			return target, err == nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// placed reports an entry.
func (x *Extractor) placed(h *Header, digest hash.Hash) {
	if x.opts.Placed == nil {
		return
	}
	p := Placed{Name: h.Name, Mode: x.mode(h), Size: h.Size, Link: h.Link}
	if digest != nil {
		digest.Sum(p.Digest[:0])
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.opts.Placed(p)
}

// note reports what could not be preserved.
func (x *Extractor) note(name, what string) {
	if x.opts.Note == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.opts.Note(name, what)
}

// mode is the mode an entry gets.
func (x *Extractor) mode(h *Header) fs.FileMode {
	switch {
	case x.opts.Preserve && x.opts.Unprivileged:
		return h.Mode &^ (fs.ModeSetuid | fs.ModeSetgid)
	case x.opts.Preserve || h.Mode.Type() == fs.ModeSymlink:
		return h.Mode
	case h.Mode.IsDir():
		return h.Mode.Type() | h.Mode.Perm() | 0o700
	}
	return h.Mode.Perm() | 0o400
}

// unpacker is the state of one archive that is being unpacked.
type unpacker struct {
	x    *Extractor
	it   *iterator
	buf  []byte     // for large files
	dir  *directory // that was used last
	work chan *job
	free chan *job
	made int
	todo sync.WaitGroup // of jobs
	pool sync.WaitGroup // of workers

	mu  sync.Mutex
	err error // the first of the workers
}

// job is a small file to be written.
type job struct {
	dir *directory
	h   *Header
	buf []byte
}

func newUnpacker(x *Extractor, it *iterator) *unpacker {
	u := &unpacker{
		x: x, it: it, buf: make([]byte, bufferSize),
		work: make(chan *job, maxAhead), free: make(chan *job, maxAhead),
	}
	for range min(runtime.GOMAXPROCS(0), 4) {
		u.pool.Go(func() {
			for j := range u.work {
				u.small(j)
			}
		})
	}
	return u
}

// run unpacks entry by entry.
func (u *unpacker) run(ctx context.Context) error {
	for {
		h, err := u.it.next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := u.entry(h); err != nil {
			return err
		}
		if err := u.failed(); err != nil {
			return err
		}
	}
}

// stop waits for the workers.
func (u *unpacker) stop() error {
	close(u.work)
	u.pool.Wait()
	u.leave()
	return u.failed()
}

func (u *unpacker) failed() error {
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

// entry unpacks one entry.
func (u *unpacker) entry(h *Header) error {
	if u.x.opts.Image {
		whiteout, err := u.image(h)
		if whiteout || err != nil {
			return err
		}
	}
	if h.Mode.IsDir() {
		return u.directory(h)
	}
	dir, err := u.enter(path.Dir(h.Name))
	if err != nil {
		return err
	}
	switch {
	case h.Mode.Type() == fs.ModeSymlink:
		err = u.symlink(dir, h)
	case h.HardLink():
		err = u.hardLink(h)
	case h.Size <= smallFile && !h.sparse:
		return u.queue(dir, h)
	default:
		err = u.file(dir, h)
	}
	return err
}

// symlink makes a symbolic link.
func (u *unpacker) symlink(dir *directory, h *Header) error {
	base := path.Base(h.Name)
	if err := dir.root.Symlink(h.Link, base); err != nil {
		return err
	}
	if upThenDown(h.Link) {
		u.x.mu.Lock()
		u.x.resolve = append(u.x.resolve, h.Name)
		u.x.mu.Unlock()
	}
	if u.x.opts.Preserve {
		if err := u.x.restoreLink(dir.root, base, h); err != nil {
			return err
		}
	}
	u.x.placed(h, nil)
	return nil
}

// hardLink makes a further name for a file that is there already, or will be when the workers are done.
func (u *unpacker) hardLink(h *Header) error {
	u.todo.Wait()
	if err := u.failed(); err != nil {
		return err
	}
	if err := u.x.root.Link(h.Link, h.Name); err != nil {
		return err
	}
	u.x.placed(h, nil)
	return nil
}

// queue reads a small file and leaves its writing to a worker.
func (u *unpacker) queue(dir *directory, h *Header) error {
	var j *job
	if u.made < maxAhead && len(u.free) == 0 {
		u.made++
		j = new(job)
	} else {
		j = <-u.free
	}
	j.h, j.buf = h, resize(j.buf, h.Size)
	if _, err := io.ReadFull(u.it.content(h), j.buf); err != nil {
		return err
	}
	j.dir = dir.hold()
	u.todo.Add(1)
	u.work <- j
	return nil
}

// small writes a small file.
func (u *unpacker) small(j *job) {
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

// file writes a large or sparse file as it comes.
func (u *unpacker) file(dir *directory, h *Header) error {
	return u.create(dir, h, func(f *os.File, w io.Writer) error {
		if h.sparse {
			return u.sparse(f, h)
		}
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, u.it.content(h), u.buf)
		return err
	})
}

// sparse writes the extents of a file and leaves holes between them.
func (u *unpacker) sparse(f *os.File, h *Header) error {
	stored := &content{it: u.it, left: h.stored}
	for _, e := range h.extents {
		if _, err := f.Seek(e.offset, io.SeekStart); err != nil {
			return err
		}
		piece := struct{ io.Reader }{io.LimitReader(stored, e.length)}
		if _, err := io.CopyBuffer(struct{ io.Writer }{f}, piece, u.buf); err != nil {
			return err
		}
	}
	return f.Truncate(h.Size)
}

// create makes a new file, lets fill write it, and gives it its metadata through its descriptor.
func (u *unpacker) create(dir *directory, h *Header, fill func(f *os.File, w io.Writer) error) (err error) {
	f, err := dir.root.OpenFile(path.Base(h.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL|noPolling, 0o600)
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
	if u.x.opts.Digests && !h.sparse {
		digest = sha256.New()
		w = io.MultiWriter(f, digest)
	}
	if err := fill(f, w); err != nil {
		return err
	}
	if err := u.x.restore(f, h); err != nil {
		return err
	}
	u.x.placed(h, digest)
	return nil
}

// image does what a layer of an image asks for besides: it takes away what its whiteouts name and what it replaces of
// earlier layers.
func (u *unpacker) image(h *Header) (whiteout bool, err error) {
	if isWhiteout(h.Name) {
		return true, u.whiteout(h)
	}
	there, err := u.x.isReal(path.Dir(h.Name))
	if err != nil || !there {
		return false, err
	}
	info, err := u.x.root.Lstat(h.Name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() && h.Mode.IsDir() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	u.leave()
	return false, u.x.root.RemoveAll(h.Name)
}

func (u *unpacker) whiteout(h *Header) error {
	name, opaque, err := whiteoutOf(h.Name)
	switch {
	case err != nil || name == "":
		return err
	case opaque:
		return u.opaque(name)
	}
	return u.remove(name)
}

// opaque empties a directory of all that earlier layers put there.
func (u *unpacker) opaque(dir string) error {
	there, err := u.x.isReal(dir)
	if err != nil || !there {
		return err
	}
	f, err := u.x.root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	found, err := f.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range found {
		if err := u.remove(path.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// remove takes away what earlier layers put at name. What this layer has there stays.
func (u *unpacker) remove(name string) error {
	if kind, ok := u.it.names.find(name, u.it.archive); ok {
		if kind == kindDir {
			return u.opaque(name)
		}
		return nil
	}
	there, err := u.x.isReal(path.Dir(name))
	if err != nil || !there {
		return err
	}
	u.leave()
	return u.x.root.RemoveAll(name)
}
