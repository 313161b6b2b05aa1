package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// noPolling is a flag for opening regular files, to which it means nothing: it only spares package os four system calls
// with which it finds out that they can't be polled.
const noPolling = unix.O_NONBLOCK

// fileID names a file of this machine.
type fileID struct{ dev, ino uint64 }

func idOf(info fs.FileInfo) fileID {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return fileID{uint64(st.Dev), st.Ino}
	}
	return fileID{}
}

// changeTime is the ctime in nanoseconds, 0 where there is none.
func changeTime(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ctim.Nano()
	}
	return 0
}

// links is how many names a file has.
func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}

// owner is the uid and gid of a file.
func owner(info fs.FileInfo) (uid, gid int) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return 0, 0
}

// dataExtents lists where a sparse file has data. nil: it has no holes worth the name, or more extents than a reader
// takes.
func dataExtents(f *os.File, info fs.FileInfo) ([]extent, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Blocks*512 >= info.Size() {
		return nil, nil
	}
	extents := []extent{}
	for at := int64(0); at < info.Size(); {
		data, err := f.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, syscall.ENXIO) {
			break
		}
		if err != nil {
			return nil, nil // a file system that keeps no account of holes
		}
		hole, err := f.Seek(data, unix.SEEK_HOLE)
		if err != nil {
			return nil, fmt.Errorf("looking for holes: %w", err)
		}
		hole = min(hole, info.Size())
		extents = append(extents, extent{data, hole - data})
		at = hole
	}
	if len(extents) > maxExtents || len(extents) == 1 && extents[0] == (extent{0, info.Size()}) {
		return nil, nil
	}
	return extents, nil
}

// kept tells whether an extended attribute belongs to the file rather than to the machine: what users set, ACLs, and
// capabilities. Labels of SELinux and signatures of IMA are of the machine.
func kept(attr string) bool {
	switch attr {
	case "security.capability", "system.posix_acl_access", "system.posix_acl_default":
		return true
	}
	return strings.HasPrefix(attr, "user.") ||
		strings.HasPrefix(attr, "trusted.") && !strings.HasPrefix(attr, "trusted.overlay.")
}

// readXattrs gives the extended attributes of an open file that are kept.
func readXattrs(f systemFile) (map[string]string, error) {
	names, err := xattr(f, func(fd int, buf []byte) (int, error) { return unix.Flistxattr(fd, buf) })
	if err != nil || names == "" {
		return nil, err
	}
	attrs := make(map[string]string)
	for name := range strings.SplitSeq(names, "\x00") {
		if !kept(name) {
			continue
		}
		value, err := xattr(f, func(fd int, buf []byte) (int, error) { return unix.Fgetxattr(fd, name, buf) })
		if err != nil {
			return nil, err
		}
		attrs[name] = value
	}
	return attrs, nil
}

// xattr calls a system call that tells the size of its answer when it gets no buffer.
func xattr(f systemFile, call func(fd int, buf []byte) (int, error)) (string, error) {
	var buf []byte
	n, err := withFD(f, func(fd int) (int, error) {
		n, err := call(fd, nil)
		if err != nil || n == 0 {
			return n, err
		}
		buf = make([]byte, n)
		return call(fd, buf)
	})
	if errors.Is(err, unix.ENOTSUP) {
		return "", nil
	}
	if err != nil {
		return "", &fs.PathError{Op: "reading extended attributes of", Path: f.Name(), Err: err}
	}
	return string(buf[:n]), nil
}

// writeXattrs sets the extended attributes that are kept on an open file. It reports those that this user or this file
// system may not have.
func writeXattrs(f *os.File, attrs map[string]string) (skipped []string, err error) {
	for name, value := range attrs {
		if !kept(name) {
			continue
		}
		_, err := withFD(f, func(fd int) (int, error) { return 0, unix.Fsetxattr(fd, name, []byte(value), 0) })
		switch {
		case errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOTSUP):
			skipped = append(skipped, name)
		case err != nil:
			return nil, &fs.PathError{Op: "setxattr " + name, Path: f.Name(), Err: err}
		}
	}
	return skipped, nil
}

// setTimes sets the modification time of an open file or directory.
func setTimes(f *os.File, mtime time.Time) error {
	ts := [2]unix.Timespec{unix.NsecToTimespec(mtime.UnixNano()), unix.NsecToTimespec(mtime.UnixNano())}
	_, err := withFD(f, func(fd int) (int, error) {
		// futimens, which package unix does not have.
		_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
		if errno != 0 {
			return 0, errno
		}
		return 0, nil
	})
	if err != nil {
		return &fs.PathError{Op: "futimens", Path: f.Name(), Err: err}
	}
	return nil
}

// setLinkTimes sets the modification time of the symbolic link name in the open directory dir.
func setLinkTimes(dir *os.File, name string, mtime time.Time) error {
	ts := unix.NsecToTimespec(mtime.UnixNano())
	_, err := withFD(dir, func(fd int) (int, error) {
		return 0, unix.UtimesNanoAt(fd, name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		return &fs.PathError{Op: "utimensat", Path: name, Err: err}
	}
	return nil
}

// withFD calls fn with the descriptor of f, which stays open meanwhile.
func withFD(f systemFile, fn func(fd int) (int, error)) (n int, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	controlErr := conn.Control(func(fd uintptr) { n, err = fn(int(fd)) })
	if controlErr != nil {
		return 0, controlErr
	}
	return n, err
}
