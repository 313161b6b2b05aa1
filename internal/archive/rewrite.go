package archive

import (
	"archive/tar"
	"context"
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// RewriteOptions say how Rewrite reads its archives, and which names their entries get.
type RewriteOptions struct {
	// ReadOptions hold for each archive, Limits also for all of them together. With Image they are layers of an image:
	// later ones replace entries of earlier ones, and take away what their whiteouts name.
	ReadOptions
	// Place gives the clean slash path of an entry in the new archive, or ErrSkip. nil: the same.
	Place func(name string) (string, error)
	// Prefix is put before every name, as in Tree. Its directories get entries where the archives have one for their
	// root, or nothing at all.
	Prefix string
	// Layer refuses names that no layer of an image can have (see Tree).
	Layer bool
}

// Rewrite writes one plain tar of the entries of others, compressed or not, given in their order. It refuses what
// Extractor would refuse, and keeps the rest as it is: content, modes, owners, times, extended attributes, links and the
// holes of sparse files. The same archives give the same bytes; by an error w has got a part of them. Each archive is
// opened once, the last one first.
func Rewrite(ctx context.Context, w io.Writer, archives []func() (io.ReadCloser, error), opts RewriteOptions) error {
	if badPrefix(opts.Prefix) {
		return refuse(opts.Prefix, "as a prefix: want a relative path that ends in a slash")
	}
	if len(archives) > maxArchives {
		return refuse("", "more than %d layers", maxArchives)
	}
	if opts.Image {
		opts.Exact = true // as Extractor
	}
	r := &rewriter{
		opts: opts, tarWriter: newTarWriter(w), empty: true, names: newNames(opts.Exact), seed: maphash.MakeSeed(),
		marks: make(map[uint64]mark), links: make(map[string]string),
	}
	if len(archives) > 1 {
		r.dirs = make(map[string]*Header)
	}
	// What comes first counts, so the last archive is the first.
	for r.layer = uint16(len(archives)); r.layer > 0; r.layer-- {
		if err := r.archive(ctx, archives[r.layer-1]); err != nil {
			return err
		}
	}
	if err := r.checkLinks(); err != nil {
		return err
	}
	if err := r.writeDirs(); err != nil {
		return err
	}
	return r.tar.Close()
}

// rewriter is the state of one Rewrite.
type rewriter struct {
	*tarWriter
	opts  RewriteOptions
	names *names
	layer uint16 // that is read: 1 is the first archive
	files int64
	size  int64
	empty bool // nothing is written yet

	// dirs are the directories of several archives. They are written where they come and once more at the end: readers
	// give a directory its time when they are done with what is in it, as an entry of another directory tells them.
	dirs  map[string]*Header
	seed  maphash.Seed
	marks map[uint64]mark   // by the hash of the name; empty for a single archive
	links map[string]string // symbolic links and their targets
}

// mark is what later layers have at a name: the number of the last one that has, or 0.
type mark struct {
	entry uint16 // an entry
	below uint16 // entries below it
	cover uint16 // something that hides all that earlier layers have below it
}

// archive writes what one archive adds.
func (r *rewriter) archive(ctx context.Context, open func() (io.ReadCloser, error)) error {
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close()
	it, err := newIterator(in, r.opts.ReadOptions, r.names, r.opts.Place)
	if err != nil {
		return err
	}
	defer it.close()
	for {
		h, err := it.next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = r.count(h)
		}
		if err == nil {
			err = r.entry(it, h)
		}
		if err != nil {
			return err
		}
	}
}

// count holds the limits for all archives together; an iterator holds them for each.
func (r *rewriter) count(h *Header) error {
	if r.files++; r.files > r.opts.maxFiles() {
		return beyond(h.Name, "the archives have more than %d entries", r.opts.maxFiles())
	}
	if h.Size > r.opts.maxSize()-r.size {
		return beyond(h.Name, "the archives unpack to more than %d bytes", r.opts.maxSize())
	}
	r.size += h.Size
	return nil
}

// entry writes an entry, unless later layers hide it.
func (r *rewriter) entry(it *iterator, h *Header) error {
	if r.opts.Layer && hasWhiteout(h.Name) {
		return refuse(h.Name, "%s", whiteoutReason)
	}
	if r.opts.Image && isWhiteout(h.Name) {
		return r.whiteout(h)
	}
	if dir := r.dirs[h.Name]; dir != nil && h.Mode.IsDir() && r.marks[r.key(h.Name)].entry > r.layer {
		return r.write(it, dir)
	}
	hidden, err := r.hidden(h)
	if err != nil || hidden {
		return err
	}
	switch {
	case h.HardLink() && r.isHidden(h.Link):
		return refuse(h.Name, "hard link to %q, which a later layer replaces", h.Link)
	case h.Mode.Type() == fs.ModeSymlink:
		r.links[h.Name] = h.Link
	}
	r.note(h)
	if r.dirs != nil && h.Mode.IsDir() {
		r.dirs[h.Name] = h
	}
	return r.write(it, h)
}

// writeDirs writes the directories that must come last.
func (r *rewriter) writeDirs() error {
	names := slices.SortedFunc(maps.Keys(r.dirs), func(a, b string) int { return compareNames(underRoot(a), underRoot(b)) })
	for _, name := range names {
		if err := r.write(nil, r.dirs[name]); err != nil {
			return err
		}
	}
	if r.empty && r.opts.Prefix != "" {
		return r.rootEntries(&tar.Header{Typeflag: tar.TypeDir, Mode: 0o755, ModTime: time.Unix(0, 0)}, r.opts.Prefix)
	}
	return nil
}

// write writes the entry itself.
func (r *rewriter) write(it *iterator, h *Header) error {
	r.empty = false
	hdr := h.tarHeader()
	if h.Name == "." {
		return r.rootEntries(hdr, r.opts.Prefix)
	}
	hdr.Name = r.opts.Prefix + h.Name
	switch {
	case h.Mode.IsDir():
		hdr.Name += "/"
	case h.HardLink():
		hdr.Linkname = r.opts.Prefix + h.Link
	case h.sparse:
		stored := &content{it: it, left: h.stored}
		return r.sparse(hdr, h.extents, func(e extent) io.Reader { return io.LimitReader(stored, e.length) })
	}
	if err := r.tar.WriteHeader(hdr); err != nil || !h.Mode.IsRegular() || h.HardLink() {
		return err
	}
	return copyExactly(r.tar, it.content(h), h.Size, r.buf)
}

// tarHeader is the header of an entry, without its name.
func (h *Header) tarHeader() *tar.Header {
	hdr := &tar.Header{Typeflag: tar.TypeReg, Size: h.Size}
	switch {
	case h.Mode.IsDir():
		hdr.Typeflag = tar.TypeDir
	case h.Mode.Type() == fs.ModeSymlink:
		hdr.Typeflag, hdr.Linkname = tar.TypeSymlink, h.Link
	case h.HardLink():
		hdr.Typeflag = tar.TypeLink
	}
	setMetadata(hdr, h.Mode, h.UID, h.GID, h.ModTime, h.Xattrs)
	return hdr
}

func (r *rewriter) key(name string) uint64 { return maphash.String(r.seed, name) }

// note takes down what the entry hides of earlier layers.
func (r *rewriter) note(h *Header) {
	if r.layer == 1 {
		return // there are none
	}
	key := r.key(h.Name)
	m := r.marks[key]
	m.entry = max(m.entry, r.layer)
	if !h.Mode.IsDir() {
		m.cover = max(m.cover, r.layer)
	}
	r.marks[key] = m
	r.noteAbove(h.Name)
}

// noteAbove takes down that the directories above a name are some.
func (r *rewriter) noteAbove(name string) {
	for dir := name; dir != "."; {
		dir = path.Dir(dir)
		key := r.key(dir)
		m := r.marks[key]
		if m.below != 0 {
			return
		}
		m.below = r.layer
		r.marks[key] = m
	}
}

// whiteout takes down what earlier layers lose.
func (r *rewriter) whiteout(h *Header) error {
	name, opaque, err := whiteoutOf(h.Name)
	if err != nil || name == "" {
		return err
	}
	key := r.key(name)
	m := r.marks[key]
	m.cover = max(m.cover, r.layer)
	if !opaque {
		m.entry = max(m.entry, r.layer)
	}
	r.marks[key] = m
	r.noteAbove(h.Name)
	return nil
}

// hidden tells whether later layers replace an entry or take it away.
func (r *rewriter) hidden(h *Header) (bool, error) {
	if r.isHidden(h.Name) {
		return true, nil
	}
	if !h.Mode.IsDir() && r.marks[r.key(h.Name)].below > r.layer {
		return false, refuse(h.Name, "something stands below it in a later layer, and it is no directory")
	}
	return false, nil
}

func (r *rewriter) isHidden(name string) bool {
	if len(r.marks) == 0 {
		return false
	}
	if r.marks[r.key(name)].entry > r.layer {
		return true
	}
	for name != "." {
		name = path.Dir(name)
		if r.marks[r.key(name)].cover > r.layer {
			return true
		}
	}
	return false
}

// checkLinks refuses symbolic links that lead out, of those where only the whole tree can tell.
func (r *rewriter) checkLinks() error {
	base := clean(r.opts.Within)
	for name, target := range r.links {
		if !upThenDown(target) {
			continue
		}
		if err := resolveLink(name, target, base, func(at string) (string, bool) {
			target, ok := r.links[at]
			return target, ok
		}); err != nil {
			return err
		}
	}
	return nil
}

// whiteoutPrefix begins the names by which a layer of an image takes away what earlier ones have.
const whiteoutPrefix = ".wh."

// whiteoutReason is why a file can't be in a layer.
const whiteoutReason = "in an image, a name that begins with .wh. stands for a file that is deleted"

func isWhiteout(name string) bool { return strings.HasPrefix(path.Base(name), whiteoutPrefix) }

// hasWhiteout tells whether a name, or that of a directory above it, is one of a whiteout.
func hasWhiteout(name string) bool {
	return strings.HasPrefix(name, whiteoutPrefix) || strings.Contains(name, "/"+whiteoutPrefix)
}

// whiteoutOf is what a whiteout takes away: a name, or, when it is opaque, all that stands below the name. It is "" for
// the bookkeeping of aufs.
func whiteoutOf(name string) (hides string, opaque bool, err error) {
	dir, base := path.Dir(name), path.Base(name)
	switch {
	case base == ".wh..wh..opq":
		return dir, true, nil
	case strings.HasPrefix(base, ".wh..wh."):
		return "", false, nil
	}
	base = strings.TrimPrefix(base, whiteoutPrefix)
	if base == "" || base == "." || base == ".." {
		return "", false, refuse(name, "a whiteout that names no file")
	}
	return path.Join(dir, base), false, nil
}
