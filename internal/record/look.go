package record

import (
	"io/fs"
	"os"
	"path"
)

// looker reads the state of many files. It keeps the directory of the last one open, so that each file in the same
// directory costs only one system call.
type looker struct {
	root *os.Root
	base string // directory that paths are relative to
	dir  string
	sub  *os.Root // nil: not open
}

// NewLooker returns a looker for paths below base.
func NewLooker(root *os.Root, base string) *looker { return &looker{root: root, base: base} }

// Lstat does not follow a link in the last element of the path.
func (l *looker) Lstat(name string) (fs.FileInfo, error) {
	if dir := path.Dir(name); l.sub == nil || dir != l.dir {
		l.Close()
		sub, err := l.root.OpenRoot(path.Join(l.base, dir))
		if err != nil {
			return nil, err
		}
		l.dir, l.sub = dir, sub
	}
	return l.sub.Lstat(path.Base(name))
}

func (l *looker) Close() {
	if l.sub != nil {
		l.sub.Close()
		l.sub = nil
	}
}
