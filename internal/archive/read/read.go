package read

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/archive"
)

// Options control which archives are accepted.
type Options struct {
	archive.Limits
	// Image reads the archive as a layer of an image: absolute symbolic links are relative to the image's root. Whiteouts
	// are returned as files whose names begin with ".wh.".
	Image bool
	// Rooted accepts names that begin with a slash, as names below the root of the archive. Image implies it.
	Rooted bool
	// Verbatim accepts named pipes, and symbolic links to any target, with their text unchanged. It is only for the user's
	// own trees. Without it, named pipes are left out of images and otherwise refused.
	Verbatim bool
	// Within is the clean slash path of a directory. All entries must be in it, except the directories above it, and no link
	// may lead out of it. "" allows every path. If IteratorOptions.Place is set, Within applies to the places.
	Within string
}

// Each calls fn for each entry of an archive. The reader returns the content of a regular file and is valid until fn
// returns; fn need not read it. An error of fn ends reading; fs.SkipAll ends it without an error, and the rest of the
// archive is not checked. If r is an io.ReadSeeker with a plain tar, content that fn does not read is skipped.
func Each(ctx context.Context, r io.Reader, opts Options, fn func(h *Header, content io.Reader) error) error {
	it, err := NewIterator(r, IteratorOptions{Options: opts, Names: NewNames(opts.Exact)})
	if err != nil {
		return err
	}
	defer it.Close()
	for {
		h, err := it.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		err = fn(h, it.Content(h))
		if errors.Is(err, fs.SkipAll) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// IteratorOptions are the options of an Iterator.
type IteratorOptions struct {
	Options
	// Names is the index of the tree that the archive becomes a part of.
	Names *Names
	// Place returns the clean slash path of an entry in the tree for its clean name in the archive, or archive.ErrSkip. If it
	// is nil, the path is the name.
	Place func(name string) (string, error)
}

// Iterator returns the entries of an archive that pass all checks.
type Iterator struct {
	opts    IteratorOptions
	base    string // directory that no entry leads out of
	parser  parser
	archive uint16 // number in opts.Names
	files   int64
	size    int64
}

// NewIterator returns an Iterator over the archive r. The caller must close it.
func NewIterator(r io.Reader, opts IteratorOptions) (*Iterator, error) {
	number, err := opts.Names.nextArchive()
	if err != nil {
		return nil, err
	}
	in, err := openStream(r, opts.Limits)
	if err != nil {
		return nil, err
	}
	return &Iterator{opts: opts, base: archive.CleanDir(opts.Within), parser: parser{in: in}, archive: number}, nil
}

// Close ends decompression.
func (it *Iterator) Close() { it.parser.in.stop() }

// Next returns the next entry that has a place, or io.EOF.
func (it *Iterator) Next(ctx context.Context) (*Header, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h, err := it.parser.readNext()
		if err != nil {
			return nil, err
		}
		if err := it.count(h); err != nil {
			return nil, err
		}
		err = it.check(h)
		if errors.Is(err, archive.ErrSkip) {
			continue
		}
		return h, err
	}
}

// Find reports whether an earlier entry of the archive has this place, and whether that entry is a directory.
func (it *Iterator) Find(name string) (isDir, ok bool) {
	kind, ok := it.opts.Names.find(name, it.archive)
	return kind == kindDir, ok
}

// count counts an entry and enforces the limits, before anything else is done with the entry.
func (it *Iterator) count(h *Header) error {
	if it.files++; it.files > it.opts.FileLimit() {
		return archive.RefuseLimit(h.Name, "the archive has more than %d entries", it.opts.FileLimit())
	}
	if h.Size > it.opts.SizeLimit()-it.size {
		return archive.RefuseLimit(h.Name, "the archive unpacks to more than %d bytes", it.opts.SizeLimit())
	}
	it.size += h.Size
	it.parser.in.entries.Store(it.files)
	return nil
}

// check cleans the names of an entry, assigns its place, and refuses it if it is unsafe there.
func (it *Iterator) check(h *Header) (err error) {
	if h.Name, err = it.placeOf(h.Name, h.Name); err != nil {
		return err
	}
	if err := it.checkBase(h); err != nil {
		return err
	}
	switch {
	case h.special == namedPipe && it.opts.Verbatim:
		return it.add(h, kindFile)
	case h.special == namedPipe && it.opts.Image:
		return archive.ErrSkip
	case h.special != "":
		return archive.Refuse(h.Name, "%s", h.special)
	case h.Name == "." && !h.Mode.IsDir():
		return archive.Refuse(h.Name, "the root of the archive is not a directory")
	case h.IsHardLink():
		return it.checkHardLink(h)
	case h.Mode.IsDir():
		return it.add(h, kindDir)
	case h.Mode.Type() == fs.ModeSymlink:
		if it.opts.Verbatim {
			return it.add(h, kindSymlink)
		}
		if it.opts.Image && strings.HasPrefix(h.Link, "/") {
			h.Absolute, h.Link = h.Link, RelativeToRoot(h.Name, h.Link)
		}
		if err := archive.CheckLink(h.Name, h.Link, it.base); err != nil && it.opts.Image {
			return archive.Outward(err)
		} else if err != nil {
			return err
		}
		return it.add(h, kindSymlink)
	}
	return it.add(h, kindFile)
}

// add adds an entry to the index.
func (it *Iterator) add(h *Header, kind nameKind) error {
	return it.opts.Names.add(nameEntry{name: h.Name, kind: kind, archive: it.archive, replace: it.opts.Image})
}

// placeOf returns the place of a name that an entry has or links to.
func (it *Iterator) placeOf(entry, name string) (string, error) {
	if it.opts.Rooted || it.opts.Image {
		name = belowRoot(name)
	}
	clean, err := archive.CleanName(name, it.opts.Exact)
	if err != nil {
		return "", &archive.UnsafeError{Name: entry, Reason: err.(*archive.UnsafeError).Reason}
	}
	if it.opts.Place != nil {
		return it.opts.Place(clean)
	}
	return clean, nil
}

// checkBase refuses an entry outside of the base, except for the directories above it.
func (it *Iterator) checkBase(h *Header) error {
	if archive.IsWithin(h.Name, it.base) || h.Mode.IsDir() && archive.IsWithin(it.base, h.Name) {
		return nil
	}
	return archive.Refuse(h.Name, "is outside of %q", it.base)
}

// checkHardLink accepts a hard link to an earlier file of the same archive.
func (it *Iterator) checkHardLink(h *Header) error {
	target, err := it.placeOf(h.Name, h.Link)
	if errors.Is(err, archive.ErrSkip) {
		return fmt.Errorf("entry %q is a hard link to %q, which is left out", h.Name, h.Link)
	}
	if err != nil {
		return err
	}
	if kind, ok := it.opts.Names.find(target, it.archive); !ok || kind != kindFile {
		return archive.Refuse(h.Name, "hard link to %q, which is not an earlier file of the archive", h.Link)
	}
	h.Link = target
	return it.add(h, kindFile)
}

// belowRoot returns a name without its leading slashes, or "." for the root.
func belowRoot(name string) string {
	below := strings.TrimLeft(name, "/")
	if below == "" && name != "" {
		return "."
	}
	return below
}

// RelativeToRoot returns a relative target equivalent to an absolute one, as long as no directory above name is moved.
func RelativeToRoot(name, target string) string {
	up := strings.Repeat("../", strings.Count(name, "/"))
	return path.Clean("./" + up + strings.TrimLeft(path.Clean(target), "/"))
}

// Content returns the content of a file, holes included.
func (it *Iterator) Content(h *Header) io.Reader {
	c := it.StoredContent(h)
	if !h.IsSparse {
		return c
	}
	return &sparseContent{stored: c, extents: h.Extents, size: h.Size}
}

// StoredContent returns the content of a file as stored, which for a sparse file is that of its extents.
func (it *Iterator) StoredContent(h *Header) io.Reader { return &content{it: it, left: h.stored} }

// content reads the bytes stored for an entry.
type content struct {
	it   *Iterator
	left int64
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.it.parser.in.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	c.it.parser.pending -= int64(n)
	if err == io.EOF {
		err = archive.ErrTruncated
		if n > 0 {
			err = nil
		}
	}
	return n, c.it.parser.addName(err)
}

// sparseContent reads a sparse file, with zeros in its holes.
type sparseContent struct {
	stored  io.Reader
	extents []archive.Extent
	at      int64
	size    int64
}

// Read implements io.Reader.
func (s *sparseContent) Read(p []byte) (int, error) {
	for len(s.extents) > 0 && s.at == s.extents[0].Offset+s.extents[0].Length {
		s.extents = s.extents[1:]
	}
	if s.at == s.size {
		return 0, io.EOF
	}
	hole := s.size
	if len(s.extents) > 0 {
		e := s.extents[0]
		if s.at >= e.Offset {
			n, err := s.stored.Read(p[:min(int64(len(p)), e.Offset+e.Length-s.at)])
			s.at += int64(n)
			return n, err
		}
		hole = e.Offset
	}
	n := min(int64(len(p)), hole-s.at)
	clear(p[:n])
	s.at += n
	return int(n), nil
}
