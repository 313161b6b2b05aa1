// Package durable syncs files to disk, so that they survive power loss, and identifies the boots of the machine.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

const (
	// maxFsyncs limits the files that are synced one by one. For more, one syncfs is faster, although it also waits for data
	// that other programs wrote to the same file system.
	maxFsyncs = 1000
	// concurrency is the number of files that are synced at once: file systems commit their journal for all waiting callers.
	concurrency = 16
)

// Set collects the names of regular files or directories below a root, and syncs them. It holds at most maxFsyncs names, because an
// artifact may have a million long ones.
type Set struct {
	Root *os.Root
	Dirs bool // the names are those of directories

	names  []string
	synced bool // the file system was synced
	err    error
}

// Add adds a name. The content of the file, or the entries of the directory, must have been written.
func (s *Set) Add(name string) {
	if s.IsDone() {
		return
	}
	if s.names = append(s.names, name); len(s.names) > maxFsyncs {
		s.synced, s.err = syncFileSystem(s.Root)
		if !s.synced && s.err == nil {
			s.err = syncAll(s.Root, s.names, s.Dirs)
		}
		s.names = nil
	}
}

// IsDone reports whether adding names has no effect: the file system was synced, or syncing failed.
func (s *Set) IsDone() bool { return s.synced || s.err != nil }

// Sync syncs all added files or directories to disk.
func (s *Set) Sync() error {
	if s.IsDone() {
		return s.err
	}
	return syncAll(s.Root, s.names, s.Dirs)
}

// SyncDirs syncs the entries of the named directories below root to disk. It skips directories that no longer exist.
func SyncDirs(root *os.Root, names []string) error { return syncAll(root, names, true) }

// SyncDir is like SyncDirs, for one directory anywhere.
func SyncDir(name string) error {
	root, err := os.OpenRoot(name)
	if err != nil {
		return err
	}
	defer root.Close()
	return SyncDirs(root, []string{"."})
}

func syncAll(root *os.Root, names []string, dirs bool) error {
	if len(names) == 0 || dirs && runtime.GOOS == "windows" { // Windows can't sync directories
		return nil
	}
	var group errgroup.Group
	group.SetLimit(concurrency)
	var mu sync.Mutex
	unreadable := false
	for _, name := range names {
		group.Go(func() error {
			err := syncOne(root, name)
			switch {
			case errors.Is(err, fs.ErrPermission):
				mu.Lock()
				defer mu.Unlock()
				unreadable = true
				return nil
			case dirs && errors.Is(err, fs.ErrNotExist):
				return nil
			}
			return err
		})
	}
	err := group.Wait()
	if err == nil && unreadable { // some files deny their owner access
		_, err = syncFileSystem(root)
	}
	return err
}

func syncOne(root *os.Root, name string) error {
	flag := os.O_RDONLY
	if runtime.GOOS == "windows" {
		flag = os.O_RDWR // a file opened for reading cannot be flushed there
	}
	f, err := root.OpenFile(name, flag, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return ignoreUnsupported(f.Sync())
}
