package record

import (
	"io/fs"
	"os"
	"path"
)

// statter calls Lstat for many files. It keeps the directory of the last one open, so that each file in the same
// directory costs only one system call.
type statter struct {
	root *os.Root
	base string // directory that paths are relative to
	dir  string
	sub  *os.Root // nil if not open
}

// NewStatter returns a statter for paths relative to base, a directory in root.
func NewStatter(root *os.Root, base string) *statter { return &statter{root: root, base: base} }

// Lstat is like os.Root.Lstat: it does not follow a link in the last element of the path.
func (s *statter) Lstat(name string) (fs.FileInfo, error) {
	if dir := path.Dir(name); s.sub == nil || dir != s.dir {
		s.Close()
		sub, err := s.root.OpenRoot(path.Join(s.base, dir))
		if err != nil {
			return nil, err
		}
		s.dir, s.sub = dir, sub
	}
	return s.sub.Lstat(path.Base(name))
}

// Close closes the open directory.
func (s *statter) Close() {
	if s.sub != nil {
		s.sub.Close()
		s.sub = nil
	}
}
