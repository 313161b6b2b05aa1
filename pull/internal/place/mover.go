package place

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/davit-oci/davit/internal/fault"
)

// A mover renames files below a root and never replaces one: not even a file that another program creates at the same moment.
// It keeps the latest source and target directories open, since consecutive renames often share them.
type mover struct {
	root *os.Root
	dirs [2]openDir
}

// openDir is an open directory.
type openDir struct {
	name string
	f    *os.File
}

// open returns the descriptor of the directory of name. It opens the directory as dirs[i], unless that is open already.
func (m *mover) open(i int, name string) (int, error) {
	dir := path.Dir(name)
	if d := &m.dirs[i]; d.f == nil || d.name != dir {
		f, err := m.root.Open(dir)
		if err != nil {
			return 0, err
		}
		if d.f != nil {
			d.f.Close()
		}
		*d = openDir{dir, f}
	}
	return int(m.dirs[i].f.Fd()), nil
}

func (m *mover) close() {
	for i := range m.dirs {
		if m.dirs[i].f != nil {
			m.dirs[i].f.Close()
			m.dirs[i] = openDir{}
		}
	}
}

// withDirs calls fn with the directories and the last elements of two names.
func (m *mover) withDirs(from, to string, fn func(fromDir int, from string, toDir int, to string) error) error {
	a, err := m.open(0, from)
	if err != nil {
		return err
	}
	b, err := m.open(1, to)
	if err != nil {
		return err
	}
	return fn(a, path.Base(from), b, path.Base(to))
}

// move renames a file or directory to a name that must not exist. It returns fs.ErrExist if the name exists.
func (m *mover) move(from, to string) error {
	err := m.withDirs(from, to, renameNew)
	if !isUnsupported(err) {
		return err
	}
	info, err := m.root.Lstat(from)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		if err := m.root.Link(from, to); err == nil {
			return m.root.Remove(from)
		} else if errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	// The system has neither such a rename nor hard links: a file that appears between the next two calls is lost.
	if _, err := m.root.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fault.Join(fs.ErrExist, err)
	}
	return m.root.Rename(from, to)
}

// exchange swaps two files or directories. It returns errors.ErrUnsupported if the system can't do that.
func (m *mover) exchange(a, b string) error {
	err := m.withDirs(a, b, exchange)
	if isUnsupported(err) {
		return errors.ErrUnsupported
	}
	return err
}

// isUnsupported reports whether an error means that the system or the file system does not support this way to rename.
func isUnsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL)
}
