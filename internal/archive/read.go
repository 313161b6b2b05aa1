package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// ReadOptions say what is accepted of an archive, and what else is done with its bytes.
type ReadOptions struct {
	Limits
	// Image takes the archive for a layer of an image: absolute symbolic links are seen from the image's root.
	// Whiteouts come as files whose names begin with ".wh.".
	Image bool
	// Within is a clean slash path: entries stand there, or are the directories above, and links don't leave it.
	// "" allows every place. Where entries are given places, it is about those.
	Within string
}

// Read calls fn for each entry of an archive, compressed or not. The reader has the content of a regular file and is
// good until fn returns; it need not be read. An error of fn ends the reading, fs.SkipAll without an error and without
// a look at the rest. If r is an io.ReadSeeker and holds a plain tar, only what fn reads is read.
func Read(ctx context.Context, r io.Reader, opts ReadOptions, fn func(h *Header, content io.Reader) error) error {
	it, err := newIterator(r, opts, newNames(opts.Exact), nil)
	if err != nil {
		return err
	}
	defer it.close()
	for {
		h, err := it.next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		err = fn(h, it.content(h))
		if errors.Is(err, fs.SkipAll) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// iterator gives the entries that pass all checks. It is what Read and Extractor share.
type iterator struct {
	opts    ReadOptions
	base    string // what nothing leads out of
	parser  parser
	names   *names
	archive uint16
	place   func(name string) (string, error) // see ExtractOptions; may be nil
	files   int64
	size    int64
}

func newIterator(r io.Reader, opts ReadOptions, names *names, place func(string) (string, error)) (*iterator, error) {
	number, err := names.begin()
	if err != nil {
		return nil, err
	}
	in, err := openStream(r, opts.Limits)
	if err != nil {
		return nil, err
	}
	return &iterator{
		opts: opts, base: clean(opts.Within), parser: parser{in: in}, names: names, archive: number, place: place,
	}, nil
}

func (it *iterator) close() { it.parser.in.stop() }

// next gives the next entry that has a place.
func (it *iterator) next(ctx context.Context) (*Header, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h, err := it.parser.next()
		if err != nil {
			return nil, err
		}
		if err := it.count(h); err != nil {
			return nil, err
		}
		err = it.check(h)
		if errors.Is(err, ErrSkip) {
			continue
		}
		return h, err
	}
}

// count holds the limits, before anything is done with the entry.
func (it *iterator) count(h *Header) error {
	if it.files++; it.files > it.opts.maxFiles() {
		return beyond(h.Name, "the archive has more than %d entries", it.opts.maxFiles())
	}
	if h.Size > it.opts.maxSize()-it.size {
		return beyond(h.Name, "the archive unpacks to more than %d bytes", it.opts.maxSize())
	}
	it.size += h.Size
	it.parser.in.entries.Store(it.files)
	return nil
}

// check cleans the names of an entry, gives it its place, and refuses what is unsafe there.
func (it *iterator) check(h *Header) (err error) {
	if h.Name, err = it.name(h.Name, h.Name); err != nil {
		return err
	}
	if err := it.stands(h); err != nil {
		return err
	}
	switch {
	case h.Name == "." && !h.Mode.IsDir():
		return refuse(h.Name, "the root of the archive is no directory")
	case h.HardLink():
		return it.checkHardLink(h)
	case h.Mode.IsDir():
		return it.names.add(h.Name, kindDir, it.archive, it.opts.Image)
	case h.Mode.Type() == fs.ModeSymlink:
		if it.opts.Image && strings.HasPrefix(h.Link, "/") {
			h.Link = fromRoot(h.Name, h.Link)
		}
		if err := checkLink(h.Name, h.Link, it.base); err != nil {
			return err
		}
		return it.names.add(h.Name, kindSymlink, it.archive, it.opts.Image)
	}
	return it.names.add(h.Name, kindFile, it.archive, it.opts.Image)
}

// name is the place of a name that an entry has, or links to.
func (it *iterator) name(entry, name string) (string, error) {
	clean, err := cleanName(name, it.opts.Exact)
	if err != nil {
		return "", &UnsafeError{Name: entry, Reason: err.(*UnsafeError).Reason}
	}
	if it.place != nil {
		return it.place(clean)
	}
	return clean, nil
}

// stands refuses an entry outside of the base, but for the directories above it.
func (it *iterator) stands(h *Header) error {
	if within(h.Name, it.base) || h.Mode.IsDir() && within(it.base, h.Name) {
		return nil
	}
	return refuse(h.Name, "stands outside of %q", it.base)
}

// checkHardLink takes in a hard link to an earlier file of the same archive.
func (it *iterator) checkHardLink(h *Header) error {
	target, err := it.name(h.Name, h.Link)
	if errors.Is(err, ErrSkip) {
		return fmt.Errorf("entry %q is a hard link to %q, which is left out", h.Name, h.Link)
	}
	if err != nil {
		return err
	}
	if kind, ok := it.names.find(target, it.archive); !ok || kind != kindFile {
		return refuse(h.Name, "hard link to %q, which is no earlier file of the archive", h.Link)
	}
	h.Link = target
	return it.names.add(h.Name, kindFile, it.archive, it.opts.Image)
}

// fromRoot makes an absolute link relative: the same place, as long as no directory above name is moved.
func fromRoot(name, target string) string {
	up := strings.Repeat("../", strings.Count(name, "/"))
	return path.Clean("./" + up + strings.TrimLeft(path.Clean(target), "/"))
}

// content gives what is in a file.
func (it *iterator) content(h *Header) io.Reader {
	c := &content{it: it, left: h.stored}
	if !h.sparse {
		return c
	}
	return &sparseContent{stored: c, extents: h.extents, size: h.Size}
}

// content reads the bytes that are stored for an entry.
type content struct {
	it   *iterator
	left int64
}

func (c *content) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.it.parser.in.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	c.it.parser.pending -= int64(n)
	if err == io.EOF {
		err = errCut
		if n > 0 {
			err = nil
		}
	}
	return n, c.it.parser.blame(err)
}

// sparseContent fills the holes with zeros.
type sparseContent struct {
	stored  io.Reader
	extents []extent
	at      int64
	size    int64
}

func (s *sparseContent) Read(p []byte) (int, error) {
	for len(s.extents) > 0 && s.at == s.extents[0].offset+s.extents[0].length {
		s.extents = s.extents[1:]
	}
	if s.at == s.size {
		return 0, io.EOF
	}
	hole := s.size
	if len(s.extents) > 0 {
		e := s.extents[0]
		if s.at >= e.offset {
			n, err := s.stored.Read(p[:min(int64(len(p)), e.offset+e.length-s.at)])
			s.at += int64(n)
			return n, err
		}
		hole = e.offset
	}
	n := min(int64(len(p)), hole-s.at)
	clear(p[:n])
	s.at += n
	return int(n), nil
}
