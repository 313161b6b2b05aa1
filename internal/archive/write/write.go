package write

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/sysfile"
)

// Write writes entries as a tar: all those of Walk, or one group of Split. It adds missing directories above them. If
// a file changed since the walk or changes while it is read, the error names the file and wraps archive.ErrChanged; w may have
// received a part of the archive.
func (t Tree) Write(ctx context.Context, w io.Writer, entries []Entry) error {
	ctx, cancel := context.WithCancel(ctx)
	out := &sink{w: w}
	tw := &treeWriter{
		tarWriter: newTarWriter(out), tree: t, dir: archive.CleanDir(t.Dir), dirs: make(map[string]struct{}),
	}
	ahead := t.startReadAhead(ctx, entries)
	defer ahead.wait()
	defer cancel()
	for i := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := tw.writeEntry(&entries[i], ahead)
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

// sink remembers the error of a writer, to distinguish it from an error of a file.
type sink struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (s *sink) Write(p []byte) (n int, err error) {
	n, s.err = s.w.Write(p)
	return n, s.err
}

// tarWriter writes a tar, including sparse files, which package archive/tar can't write.
type tarWriter struct {
	out io.Writer // the writer below tar
	tar *tar.Writer
	buf []byte
}

func newTarWriter(w io.Writer) *tarWriter {
	return &tarWriter{out: w, tar: tar.NewWriter(w), buf: make([]byte, archive.BufferSize)}
}

// treeWriter is the state of one Write.
type treeWriter struct {
	*tarWriter
	tree Tree
	dir  string
	dirs map[string]struct{} // directories that have an entry
	last string              // the last directory that writeParents handled
}

// writeEntry writes one entry and the directories above it.
func (w *treeWriter) writeEntry(e *Entry, ahead *readAhead) error {
	if err := w.writeParents(e.Name); err != nil {
		return err
	}
	switch {
	case e.Mode.IsDir():
		return w.writeDirectory(e.Name, e)
	case e.Mode.Type() == fs.ModeSymlink:
		return w.writeUnopened(e, &tar.Header{Typeflag: tar.TypeSymlink, Linkname: e.Link})
	case e.Mode.Type() == fs.ModeNamedPipe:
		return w.writeUnopened(e, &tar.Header{Typeflag: tar.TypeFifo})
	case e.IsHardLink():
		return w.writeHardLink(e)
	}
	return w.writeFile(e, ahead)
}

// writeParents writes entries for the directories above name that have none yet.
func (w *treeWriter) writeParents(name string) error {
	dir := path.Dir(name)
	if w.tree.Bare || name == "." || dir == w.last {
		return nil
	}
	if err := w.writeParents(dir); err != nil {
		return err
	}
	w.last = dir
	if dir == "." && !w.tree.Root {
		return nil
	}
	return w.writeDirectory(dir, nil)
}

// writeDirectory writes the entry of a directory, once. If e is nil, the time is 1970: the directory's own time changes with every
// added or removed file, and must not change this group.
func (w *treeWriter) writeDirectory(name string, e *Entry) error {
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
		return w.writeRootEntries(hdr, w.tree.Prefix)
	}
	hdr.Name = w.tree.Prefix + name + "/"
	return w.tar.WriteHeader(hdr)
}

// writeRootEntries writes an entry for each directory of the prefix, or "./" if it has none.
func (w *tarWriter) writeRootEntries(hdr *tar.Header, prefix string) error {
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

// modTime returns own with Preserve, or if Tree.ModTime is not set, and otherwise Tree.ModTime.
func (w *treeWriter) modTime(own int64) time.Time {
	if w.tree.Preserve || w.tree.ModTime.IsZero() {
		return time.Unix(0, own)
	}
	return w.tree.ModTime
}

// preserveDir sets the metadata in hdr to those of a directory on disk.
func (w *treeWriter) preserveDir(hdr *tar.Header, name string, mtime int64) error {
	f, info, err := w.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if !info.IsDir() {
		return archive.ErrChanged
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

// preserve sets mode, owner, time, and extended attributes in hdr. For a symbolic link or a named pipe, f is its directory.
func preserve(hdr *tar.Header, f fs.File, info fs.FileInfo, modTime int64) (err error) {
	file, ok := f.(sysfile.File)
	if !ok {
		return errors.New("its metadata can't be preserved: not a file of the operating system")
	}
	uid, gid := sysfile.Owner(info)
	m := metadata{mode: info.Mode(), uid: uid, gid: gid, modTime: time.Unix(0, modTime)}
	if hdr.Typeflag == tar.TypeSymlink || hdr.Typeflag == tar.TypeFifo {
		m.xattrs, err = sysfile.LinkXattrs(file, path.Base(hdr.Name))
	} else {
		m.xattrs, err = sysfile.Xattrs(file)
	}
	m.apply(hdr)
	return err
}

// metadata is everything about an entry except its name and content.
type metadata struct {
	mode     fs.FileMode
	uid, gid int
	modTime  time.Time
	xattrs   map[string]string
}

// apply sets the fields of hdr.
func (m metadata) apply(hdr *tar.Header) {
	hdr.Mode, hdr.Uid, hdr.Gid, hdr.ModTime = tarMode(m.mode), m.uid, m.gid, m.modTime
	if m.modTime.Nanosecond() != 0 {
		hdr.Format = tar.FormatPAX // otherwise package archive/tar rounds to seconds
	}
	for name, value := range m.xattrs {
		if hdr.PAXRecords == nil {
			hdr.PAXRecords = make(map[string]string)
		}
		hdr.PAXRecords[archive.XattrPrefix+name] = value
	}
}

// tarMode returns the mode bits of a tar entry.
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

// writeUnopened writes a symbolic link or a named pipe without opening it: a link would be followed, and a pipe would block.
func (w *treeWriter) writeUnopened(e *Entry, hdr *tar.Header) error {
	hdr.Name, hdr.Mode, hdr.ModTime = w.tree.Prefix+e.Name, 0o777, w.modTime(0)
	if w.tree.Preserve {
		info, err := fs.Lstat(w.tree.FS, path.Join(w.dir, e.Name))
		if err != nil {
			return err
		}
		if !e.isSame(info) {
			return archive.ErrChanged
		}
		dir, _, err := w.open(path.Dir(e.Name))
		if err != nil {
			return err
		}
		defer dir.Close()
		if err := preserve(hdr, dir, info, e.ModTime); err != nil {
			return err
		}
	}
	return w.tar.WriteHeader(hdr)
}

// writeHardLink writes another name of a file that is already in the archive, with the metadata of the file, since some readers
// set the metadata for every name.
func (w *treeWriter) writeHardLink(e *Entry) error {
	f, info, err := w.open(e.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	if sysfile.IDOf(info).Ino != e.Ino || sysfile.ChangeTime(info) != e.CTime {
		return archive.ErrChanged
	}
	hdr := &tar.Header{Typeflag: tar.TypeLink, Name: w.tree.Prefix + e.Name, Linkname: w.tree.Prefix + e.Link}
	if err := preserve(hdr, f, info, e.ModTime); err != nil {
		return err
	}
	return w.tar.WriteHeader(hdr)
}

// writeFile writes a regular file. If it is small, its content was read ahead.
func (w *treeWriter) writeFile(e *Entry, ahead *readAhead) error {
	hdr := &tar.Header{
		Typeflag: tar.TypeReg, Name: w.tree.Prefix + e.Name, Size: e.Size, Mode: 0o644, ModTime: w.modTime(0),
	}
	if e.Mode&0o100 != 0 {
		hdr.Mode = 0o755
	}
	if !w.tree.isSmall(e) {
		return w.streamFile(hdr, e)
	}
	small := ahead.next()
	if small == nil {
		return context.Canceled // Write returns the cause
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

// streamFile writes a file that is too large to be read ahead or has metadata to preserve.
func (w *treeWriter) streamFile(hdr *tar.Header, e *Entry) error {
	f, info, err := w.open(e.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	if !e.isSame(info) {
		return archive.ErrChanged
	}
	var extents []archive.Extent
	if w.tree.Preserve {
		if err := preserve(hdr, f, info, e.ModTime); err != nil {
			return err
		}
		if extents, err = sysfile.DataExtents(f.(*os.File), info); err != nil {
			return err
		}
	}
	if extents != nil {
		file := f.(*os.File)
		err = w.writeSparse(hdr, extents, func(e archive.Extent) io.Reader { return io.NewSectionReader(file, e.Offset, e.Length) })
	} else {
		err = w.writeContent(hdr, f)
	}
	if err != nil {
		return err
	}
	return e.checkUnchanged(f)
}

// writeContent writes a header and as many bytes as its size.
func (w *treeWriter) writeContent(hdr *tar.Header, f io.Reader) error {
	if err := w.tar.WriteHeader(hdr); err != nil {
		return err
	}
	return copyExactly(w.tar, f, hdr.Size, w.buf)
}

// copyExactly copies n bytes. A file with fewer bytes has changed.
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
			return archive.ErrChanged
		}
		if err != nil {
			return err
		}
	}
	return nil
}
