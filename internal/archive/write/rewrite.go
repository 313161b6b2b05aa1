package write

import (
	"archive/tar"
	"context"
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/lists"
)

// RewriteOptions are the options of Rewrite.
type RewriteOptions struct {
	// Options apply to each archive, and the Limits also to all of them together. With Image, the archives are the layers
	// of an image: later ones replace entries of earlier ones, and delete what their whiteouts name.
	read.Options
	// Place returns the clean slash path of an entry in the new archive, or archive.ErrSkip. If it is nil, the path is the name.
	Place func(name string) (string, error)
	// Prefix precedes every name, as in Tree. Its directories get entries if the archives have an entry for their root, or
	// no entries at all.
	Prefix string
	// Layer refuses names that a layer of an image can't have; see Tree.
	Layer bool
}

// Rewrite writes the entries of archives, given in order, as one plain tar. It refuses what an extract.Extractor would
// refuse, and keeps content, modes, owners, times, extended attributes, links, and the holes of sparse files. The same
// archives become the same bytes. After an error, w may have received part of them. Rewrite opens each archive once, the last
// one first.
func Rewrite(ctx context.Context, w io.Writer, archives []func() (io.ReadCloser, error), opts RewriteOptions) error {
	if !archive.IsPrefix(opts.Prefix) {
		return archive.Refuse(opts.Prefix, "as a prefix: want a relative path that ends in a slash")
	}
	if len(archives) > read.MaxArchives {
		return archive.Refuse("", "too many layers: limit is %d", read.MaxArchives)
	}
	if opts.Image {
		opts.Exact = true // as extract.Extractor does
	}
	r := &rewriter{
		opts: opts, tarWriter: newTarWriter(w), empty: true, names: read.NewNames(opts.Exact), seed: maphash.MakeSeed(),
		marks: make(map[uint64]mark), links: make(map[string]string),
	}
	if len(archives) > 1 {
		r.dirs = make(map[string]*read.Header)
	}
	// The first entry of a name wins, so the last archive is read first.
	for r.layer = uint16(len(archives)); r.layer > 0; r.layer-- {
		if err := r.addArchive(ctx, archives[r.layer-1]); err != nil {
			return err
		}
	}
	if err := r.checkLinks(ctx); err != nil {
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
	names *read.Names
	layer uint16 // number of the current archive; the first is 1
	files int64
	size  int64
	empty bool // nothing has been written

	// dirs are the directories of several archives. They are written where they occur and again at the end, because some
	// readers set the time of a directory as soon as they reach an entry outside of it.
	dirs  map[string]*read.Header
	seed  maphash.Seed
	marks map[uint64]mark   // by hash of the name; empty for a single archive
	links map[string]string // symbolic links and their targets
}

// mark describes a name in the layers that were read. Each field is the number of the last layer for which it holds, or 0.
type mark struct {
	entry uint16 // the layer has an entry of this name
	below uint16 // the layer has entries below the name
	cover uint16 // the layer hides all entries of earlier layers below the name
}

// addArchive writes the entries that one archive adds.
func (r *rewriter) addArchive(ctx context.Context, open func() (io.ReadCloser, error)) error {
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close()
	it, err := read.NewIterator(in, read.IteratorOptions{Options: r.opts.Options, Names: r.names, Place: r.opts.Place})
	if err != nil {
		return err
	}
	defer it.Close()
	for {
		h, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = r.count(h)
		}
		if err == nil {
			err = r.rewriteEntry(it, h)
		}
		if err != nil {
			return err
		}
	}
}

// count enforces the limits on all archives together; an Iterator enforces them on each.
func (r *rewriter) count(h *read.Header) error {
	if r.files++; r.files > r.opts.FileLimit() {
		return archive.RefuseLimit(h.Name, "the archives have more than %d entries", r.opts.FileLimit())
	}
	if h.Size > r.opts.SizeLimit()-r.size {
		return archive.RefuseLimit(h.Name, "the archives unpack to more than %d bytes", r.opts.SizeLimit())
	}
	r.size += h.Size
	return nil
}

// rewriteEntry writes an entry unless later layers hide it.
func (r *rewriter) rewriteEntry(it *read.Iterator, h *read.Header) error {
	if r.opts.Layer && archive.HasWhiteout(h.Name) {
		return archive.Refuse(h.Name, "%s", archive.WhiteoutReason)
	}
	if r.opts.Image && archive.IsWhiteout(h.Name) {
		return r.recordWhiteout(h)
	}
	if dir := r.dirs[h.Name]; dir != nil && h.Mode.IsDir() && r.marks[r.key(h.Name)].entry > r.layer {
		return r.write(it, dir)
	}
	hidden, err := r.checkHidden(h)
	if err != nil || hidden {
		return err
	}
	switch {
	case h.IsHardLink() && r.isHidden(h.Link):
		return archive.Refuse(h.Name, "hard link to %q, which a later layer replaces", h.Link)
	case h.Mode.Type() == fs.ModeSymlink:
		r.links[h.Name] = h.Link
	}
	r.recordEntry(h)
	if r.dirs != nil && h.Mode.IsDir() {
		r.dirs[h.Name] = h
	}
	return r.write(it, h)
}

// writeDirs writes the directories again, at the end.
func (r *rewriter) writeDirs() error {
	names := lists.Keys(r.dirs, archive.CompareDirs)
	for _, name := range names {
		if err := r.write(nil, r.dirs[name]); err != nil {
			return err
		}
	}
	if r.empty && r.opts.Prefix != "" {
		return r.writeRootEntries(&tar.Header{Typeflag: tar.TypeDir, Mode: 0o755, ModTime: time.Unix(0, 0)}, r.opts.Prefix)
	}
	return nil
}

// write writes the entry itself.
func (r *rewriter) write(it *read.Iterator, h *read.Header) error {
	r.empty = false
	hdr := tarHeader(h)
	if h.Name == "." {
		return r.writeRootEntries(hdr, r.opts.Prefix)
	}
	hdr.Name = r.opts.Prefix + h.Name
	switch {
	case h.Mode.IsDir():
		hdr.Name += "/"
	case h.IsHardLink():
		hdr.Linkname = r.opts.Prefix + h.Link
	case h.IsSparse:
		stored := it.StoredContent(h)
		return r.writeSparse(hdr, h.Extents, func(e archive.Extent) io.Reader { return io.LimitReader(stored, e.Length) })
	}
	if err := r.tar.WriteHeader(hdr); err != nil || !h.Mode.IsRegular() || h.IsHardLink() {
		return err
	}
	return copyExactly(r.tar, it.Content(h), h.Size, r.buf)
}

// tarHeader returns the header of an entry, without its name.
func tarHeader(h *read.Header) *tar.Header {
	hdr := &tar.Header{Typeflag: tar.TypeReg, Size: h.Size}
	switch {
	case h.Mode.IsDir():
		hdr.Typeflag = tar.TypeDir
	case h.Mode.Type() == fs.ModeSymlink:
		hdr.Typeflag, hdr.Linkname = tar.TypeSymlink, h.Link
	case h.Mode.Type() == fs.ModeNamedPipe:
		hdr.Typeflag = tar.TypeFifo
	case h.IsHardLink():
		hdr.Typeflag = tar.TypeLink
	}
	metadata{mode: h.Mode, uid: h.UID, gid: h.GID, modTime: h.ModTime, xattrs: h.Xattrs}.apply(hdr)
	return hdr
}

func (r *rewriter) key(name string) uint64 { return maphash.String(r.seed, name) }

// recordEntry records the names in earlier layers that an entry hides.
func (r *rewriter) recordEntry(h *read.Header) {
	if r.layer == 1 {
		return // there is no earlier layer
	}
	key := r.key(h.Name)
	m := r.marks[key]
	m.entry = max(m.entry, r.layer)
	if !h.Mode.IsDir() {
		m.cover = max(m.cover, r.layer)
	}
	r.marks[key] = m
	r.recordAbove(h.Name)
}

// recordAbove records that the layer has an entry below each directory above a name.
func (r *rewriter) recordAbove(name string) {
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

// recordWhiteout records the names in earlier layers that a whiteout deletes.
func (r *rewriter) recordWhiteout(h *read.Header) error {
	name, isOpaque, err := archive.WhiteoutTarget(h.Name)
	if err != nil || name == "" {
		return err
	}
	key := r.key(name)
	m := r.marks[key]
	m.cover = max(m.cover, r.layer)
	if !isOpaque {
		m.entry = max(m.entry, r.layer)
	}
	r.marks[key] = m
	r.recordAbove(h.Name)
	return nil
}

// checkHidden reports whether later layers replace or delete an entry. It refuses a file that later layers use as a
// directory.
func (r *rewriter) checkHidden(h *read.Header) (bool, error) {
	if r.isHidden(h.Name) {
		return true, nil
	}
	if !h.Mode.IsDir() && r.marks[r.key(h.Name)].below > r.layer {
		return false, archive.Refuse(h.Name, "a later layer has entries below it, and it is not a directory")
	}
	return false, nil
}

// isHidden reports whether later layers replace or delete a name.
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

// checkLinks checks the symbolic links that depend on other links, and refuses those that lead out of the tree.
func (r *rewriter) checkLinks(ctx context.Context) error {
	if r.opts.Verbatim {
		return nil
	}
	links := archive.NewLinks(archive.CleanDir(r.opts.Within), archive.NewLinkBudget(), func(at string) (string, bool) {
		target, ok := r.links[at]
		return target, ok
	})
	links.Grow(len(r.links))
	for name, target := range r.links {
		if !archive.DependsOnLinks(target) {
			continue
		}
		if err := links.Check(ctx, name, target); err != nil {
			return err
		}
	}
	return nil
}
