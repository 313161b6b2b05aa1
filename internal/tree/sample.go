package tree

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
)

// headSize limits the beginning of a file that a sample holds. It is more than any magic number or first line needs.
const headSize = 64 << 10

// Sample is a file or directory whose role is being detected. Its head is read once.
type Sample struct {
	FS   fs.FS
	Path string
	Info fs.FileInfo

	read bool
	head []byte
	Err  error // of reading the head

	scanned bool
	found   map[string][]string // the result of Keys
}

// IsDir reports whether the sample is a directory.
func (s *Sample) IsDir() bool { return s.Info.IsDir() }

// Head returns the first bytes of a file, at most headSize. It returns nil for a directory or an unreadable file.
func (s *Sample) Head() []byte {
	if !s.read && !s.IsDir() {
		s.read = true
		s.head, s.Err = ReadHead(s.FS, s.Path)
	}
	return s.head
}

// Open opens the file again.
func (s *Sample) Open() (fs.File, error) { return openFile(s.FS, s.Path) }

// Names returns the sorted names of a directory's entries, or nil for a file or an unreadable directory.
func (s *Sample) Names() []string {
	entries, err := fs.ReadDir(s.FS, s.Path)
	if err != nil {
		return nil
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	slices.Sort(names)
	return names
}

// Entry returns a sample of a file inside a directory. It returns false if the file can't be found.
func (s *Sample) Entry(name string) (*Sample, bool) {
	inner := &Sample{FS: s.FS, Path: path.Join(s.Path, name)}
	info, err := fs.Stat(s.FS, inner.Path)
	inner.Info = info
	return inner, err == nil
}

// ErrNotFile is the error for a directory, a named pipe, or another file that is not regular.
var ErrNotFile = errors.New("not a regular file")

// openFile opens a regular file. Opening a named pipe would wait for a writer.
func openFile(fsys fs.FS, name string) (fs.File, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotFile
	}
	return fsys.Open(name)
}

// ReadHead reads the beginning of a file that content tests need, at most headSize bytes.
func ReadHead(fsys fs.FS, name string) ([]byte, error) { return ReadStart(fsys, name, headSize) }

// ReadStart reads the first bytes of a file, at most n.
func ReadStart(fsys fs.FS, name string, n int64) ([]byte, error) {
	f, err := openFile(fsys, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, n))
	return head, err
}

// ErrTooLarge is the error of ReadFile for a file that exceeds the limit.
var ErrTooLarge = errors.New("is too large")

// ReadFile reads a file of at most limit bytes. It fails with ErrTooLarge for a larger file, and with ErrNotFile if
// the file is not regular.
func ReadFile(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := openFile(fsys, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = ErrTooLarge
	}
	return data, err
}
