package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"
)

// bufferSize is what large files are copied with.
const bufferSize = 256 << 10

// Write writes the entries, all that Walk gave or one group of Split, as a tar. Directories that entries stand in are
// added where they are missing. A file that is no longer what the walk saw, or changes while it is read, is an error
// that names it and wraps ErrChanged; w has then got a part of the archive.
func (t Tree) Write(ctx context.Context, w io.Writer, entries []Entry) error {
	ctx, cancel := context.WithCancel(ctx)
	out := &sink{w: w}
	tw := &treeWriter{
		tarWriter: newTarWriter(out), tree: t, dir: clean(t.Dir), dirs: make(map[string]struct{}),
	}
	ahead := t.readAhead(ctx, entries)
	defer ahead.wait()
	defer cancel()
	for i := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := tw.entry(&entries[i], ahead)
		switch {
		case err == nil:
		case out.err != nil:
			return out.err
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			return fmt.Errorf("archiving %q: %w", path.Join(tw.dir, entries[i].Name), err)
		}
	}
	return tw.tar.Close()
}

// sink remembers that it was the writer that failed, and not a file.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (n int, err error) {
	n, s.err = s.w.Write(p)
	return n, s.err
}

// tarWriter writes a tar.
type tarWriter struct {
	out io.Writer // below tar, for what archive/tar can't write
	tar *tar.Writer
	buf []byte
}

func newTarWriter(w io.Writer) *tarWriter {
	return &tarWriter{out: w, tar: tar.NewWriter(w), buf: make([]byte, bufferSize)}
}

// treeWriter is the state of one Write.
type treeWriter struct {
	*tarWriter
	tree Tree
	dir  string
	dirs map[string]struct{} // directories that have their entry
	last string              // the one of dirs that was asked for last
}

// entry writes one entry and the directories above it.
func (w *treeWriter) entry(e *Entry, ahead *readAhead) error {
	if err := w.parents(e.Name); err != nil {
		return err
	}
	switch {
	case e.Mode.IsDir():
		return w.directory(e.Name, e)
	case e.Mode.Type() == fs.ModeSymlink:
		return w.symlink(e)
	case e.HardLink():
		return w.hardLink(e)
	}
	return w.file(e, ahead)
}

// parents writes an entry for each directory above name that has none yet.
func (w *treeWriter) parents(name string) error {
	dir := path.Dir(name)
	if w.tree.Bare || name == "." || dir == w.last {
		return nil
	}
	if err := w.parents(dir); err != nil {
		return err
	}
	w.last = dir
	if dir == "." && !w.tree.Root {
		return nil
	}
	return w.directory(dir, nil)
}

// directory writes the entry of a directory, once. Without e its time is 1970, since it is not the directory's own
// entry: the time of a directory changes with every file that comes or goes.
func (w *treeWriter) directory(name string, e *Entry) error {
	if _, ok := w.dirs[name]; ok || w.tree.Bare {
		return nil
	}
	w.dirs[name] = struct{}{}
	hdr := &tar.Header{Typeflag: tar.TypeDir, Mode: 0o755, ModTime: w.modTime(0)}
	if w.tree.Preserve {
		mtime := int64(0)
		if e != nil {
			mtime = e.ModTime
		}
		if err := w.preserveDir(hdr, name, mtime); err != nil {
			return err
		}
	}
	if name == "." {
		return w.rootEntries(hdr, w.tree.Prefix)
	}
	hdr.Name = w.tree.Prefix + name + "/"
	return w.tar.WriteHeader(hdr)
}

// rootEntries writes an entry for each directory of the prefix, or "./" when it has none.
func (w *tarWriter) rootEntries(hdr *tar.Header, prefix string) error {
	if prefix == "" {
		prefix = "./"
	}
	for i, c := range prefix {
		if c != '/' || i == 1 && prefix[0] == '.' && len(prefix) > 2 {
			continue
		}
		hdr.Name = prefix[:i+1]
		if err := w.tar.WriteHeader(hdr); err != nil {
			return err
		}
	}
	return nil
}

// modTime is the time of an entry: its own under Preserve.
func (w *treeWriter) modTime(own int64) time.Time {
	if w.tree.Preserve || w.tree.ModTime.IsZero() {
		return time.Unix(0, own)
	}
	return w.tree.ModTime
}

// preserveDir fills in what the directory on disk has.
func (w *treeWriter) preserveDir(hdr *tar.Header, name string, mtime int64) error {
	f, info, err := w.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if !info.IsDir() {
		return ErrChanged
	}
	return preserve(hdr, f, info, mtime)
}

// open opens a file or directory of the tree.
func (w *treeWriter) open(name string) (fs.File, fs.FileInfo, error) {
	f, err := w.tree.FS.Open(path.Join(w.dir, name))
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// systemFile is a file of the operating system: an *os.File, or a directory that only lists less than one.
type systemFile interface {
	syscall.Conn
	Name() string
}

// preserve fills in mode, owner, time and extended attributes. f is nil for a symbolic link, which has none of the
// attributes that are kept.
func preserve(hdr *tar.Header, f fs.File, info fs.FileInfo, mtime int64) error {
	uid, gid := owner(info)
	setMetadata(hdr, info.Mode(), uid, gid, time.Unix(0, mtime), nil)
	if f == nil {
		return nil
	}
	file, ok := f.(systemFile)
	if !ok {
		return errors.New("its metadata can't be preserved: not a file of the operating system")
	}
	attrs, err := readXattrs(file)
	if err != nil {
		return err
	}
	setXattrs(hdr, attrs)
	return nil
}

// setMetadata fills in what an entry has besides its name and content.
func setMetadata(hdr *tar.Header, mode fs.FileMode, uid, gid int, mtime time.Time, attrs map[string]string) {
	hdr.Mode, hdr.Uid, hdr.Gid, hdr.ModTime = tarMode(mode), uid, gid, mtime
	if mtime.Nanosecond() != 0 {
		hdr.Format = tar.FormatPAX // archive/tar rounds to seconds otherwise
	}
	setXattrs(hdr, attrs)
}

func setXattrs(hdr *tar.Header, attrs map[string]string) {
	for name, value := range attrs {
		if hdr.PAXRecords == nil {
			hdr.PAXRecords = make(map[string]string)
		}
		hdr.PAXRecords[xattrPrefix+name] = value
	}
}

// Xattrs gives the extended attributes of an open file or directory that Preserve keeps.
func Xattrs(f *os.File) (map[string]string, error) { return readXattrs(f) }

// SetXattrs sets extended attributes that Preserve keeps, but for those that this user or file system may not have.
func SetXattrs(f *os.File, attrs map[string]string) error {
	_, err := writeXattrs(f, attrs)
	return err
}

// xattrPrefix is before the names of extended attributes in PAX records, as star, GNU tar and Docker write them.
const xattrPrefix = "SCHILY.xattr."

// tarMode is the mode bits of a tar entry.
func tarMode(mode fs.FileMode) int64 {
	bits := int64(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		bits |= 0o4000
	}
	if mode&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	if mode&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}

// symlink writes a symbolic link.
func (w *treeWriter) symlink(e *Entry) error {
	hdr := &tar.Header{
		Typeflag: tar.TypeSymlink, Name: w.tree.Prefix + e.Name, Linkname: e.Link, Mode: 0o777, ModTime: w.modTime(0),
	}
	if w.tree.Preserve {
		info, err := fs.Lstat(w.tree.FS, path.Join(w.dir, e.Name))
		if err != nil {
			return err
		}
		if !e.same(info) {
			return ErrChanged
		}
		if err := preserve(hdr, nil, info, e.ModTime); err != nil {
			return err
		}
	}
	return w.tar.WriteHeader(hdr)
}

// hardLink writes a further name of a file that is in the archive already, with the metadata of the file: some readers
// set it again.
func (w *treeWriter) hardLink(e *Entry) error {
	f, info, err := w.open(e.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	if idOf(info).ino != e.Ino || changeTime(info) != e.CTime {
		return ErrChanged
	}
	hdr := &tar.Header{Typeflag: tar.TypeLink, Name: w.tree.Prefix + e.Name, Linkname: w.tree.Prefix + e.Link}
	if err := preserve(hdr, f, info, e.ModTime); err != nil {
		return err
	}
	return w.tar.WriteHeader(hdr)
}

// file writes a regular file, from the content that was read ahead if it is small.
func (w *treeWriter) file(e *Entry, ahead *readAhead) error {
	hdr := &tar.Header{
		Typeflag: tar.TypeReg, Name: w.tree.Prefix + e.Name, Size: e.Size, Mode: 0o644, ModTime: w.modTime(0),
	}
	if e.Mode&0o100 != 0 {
		hdr.Mode = 0o755
	}
	if !w.tree.isSmall(e) {
		return w.streamFile(hdr, e)
	}
	small := ahead.take()
	if small == nil {
		return context.Canceled // Write has the right word
	}
	defer ahead.release(small)
	if small.err != nil {
		return small.err
	}
	if err := w.tar.WriteHeader(hdr); err != nil {
		return err
	}
	_, err := w.tar.Write(small.content)
	return err
}

// streamFile writes a file that is too large to be read ahead, or has metadata to preserve.
func (w *treeWriter) streamFile(hdr *tar.Header, e *Entry) error {
	f, info, err := w.open(e.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	if !e.same(info) {
		return ErrChanged
	}
	var extents []extent
	if w.tree.Preserve {
		if err := preserve(hdr, f, info, e.ModTime); err != nil {
			return err
		}
		if extents, err = dataExtents(f.(*os.File), info); err != nil {
			return err
		}
	}
	if extents != nil {
		file := f.(*os.File)
		err = w.sparse(hdr, extents, func(e extent) io.Reader { return io.NewSectionReader(file, e.offset, e.length) })
	} else {
		err = w.content(hdr, f)
	}
	if err != nil {
		return err
	}
	return e.unchanged(f)
}

// content writes a header and the file's bytes, exactly as many as the header says.
func (w *treeWriter) content(hdr *tar.Header, f io.Reader) error {
	if err := w.tar.WriteHeader(hdr); err != nil {
		return err
	}
	return copyExactly(w.tar, f, hdr.Size, w.buf)
}

// copyExactly copies n bytes. Fewer, or more, mean that the file changed.
func copyExactly(w io.Writer, r io.Reader, n int64, buf []byte) error {
	for n > 0 {
		piece := buf[:min(n, int64(len(buf)))]
		got, err := r.Read(piece)
		if got > 0 {
			if _, err := w.Write(piece[:got]); err != nil {
				return err
			}
			n -= int64(got)
			continue
		}
		if errors.Is(err, io.EOF) {
			return ErrChanged
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// same tells whether info is of the file that was walked.
func (e *Entry) same(info fs.FileInfo) bool {
	return info.Mode().Type() == e.Mode.Type() && (!info.Mode().IsRegular() || info.Size() == e.Size) &&
		info.ModTime().UnixNano() == e.ModTime && changeTime(info) == e.CTime && idOf(info).ino == e.Ino
}

// unchanged asks, after f was read, whether it is still as it was walked.
func (e *Entry) unchanged(f fs.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !e.same(info) {
		return ErrChanged
	}
	return nil
}
