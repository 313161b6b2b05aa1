// Package durable syncs files to the disk, so that they survive power loss, and identifies the boot of the machine.
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
	// maxFsyncs limits the files that are synced one by one. For more, one syncfs is faster, although it also waits for what
	// other programs wrote to the same file system.
	maxFsyncs = 1000
	// concurrency is the number of files that are synced at once: file systems commit their journal for all waiting callers.
	concurrency = 16
)

// Set collects the names of regular files, or of directories if Dirs is set, to sync below Root. It keeps at most maxFsyncs names: an
// artifact may have a million of them.
type Set struct {
	Root *os.Root
	Dirs bool

	names []string
	whole bool // the file system was synced
	err   error
}

// Add adds a name. Contents of files, or entries of directories, must be written already.
func (s *Set) Add(name string) {
	if s.IsDone() {
		return
	}
	if s.names = append(s.names, name); len(s.names) > maxFsyncs {
		s.whole, s.err = syncFileSystem(s.Root)
		if !s.whole && s.err == nil {
			s.err = syncAll(s.Root, s.names, s.Dirs)
		}
		s.names = nil
	}
}

// IsDone reports whether more names change nothing: the whole file system was synced, or syncing failed.
func (s *Set) IsDone() bool { return s.whole || s.err != nil }

// Sync returns once everything added is on the disk.
func (s *Set) Sync() error {
	if s.IsDone() {
		return s.err
	}
	return syncAll(s.Root, s.names, s.Dirs)
}

// SyncDirs returns once the entries of the named directories below root are on the disk. Directories that no longer exist are
// skipped.
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
	if err == nil && unreadable { // files that their owner may not open
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
