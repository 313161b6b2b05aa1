package sysfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/davit-oci/davit/internal/archive"
	"golang.org/x/sys/unix"
)

// NoPolling is a flag for opening regular files. It does not affect them, but spares package os the four system calls that
// find out that they can't be polled.
const NoPolling = unix.O_NONBLOCK

// ID identifies a file on this machine.
type ID struct{ Dev, Ino uint64 }

// IDOf returns the ID of a file, or the zero ID if it is unknown.
func IDOf(info fs.FileInfo) ID {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return ID{uint64(st.Dev), st.Ino}
	}
	return ID{}
}

// ChangeTime returns the ctime in nanoseconds, or 0 if the system has none.
func ChangeTime(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ctim.Nano()
	}
	return 0
}

// Links returns the number of hard links to a file, or 1 if it is unknown.
func Links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}

// MakePipe creates a named pipe in a directory.
func MakePipe(dir *os.File, name string, mode fs.FileMode) error {
	bits := uint32(mode.Perm())
	for from, to := range map[fs.FileMode]uint32{fs.ModeSetuid: unix.S_ISUID, fs.ModeSetgid: unix.S_ISGID, fs.ModeSticky: unix.S_ISVTX} {
		if mode&from != 0 {
			bits |= to
		}
	}
	_, err := withFD(dir, func(fd int) (int, error) {
		if err := unix.Mkfifoat(fd, name, bits); err != nil {
			return 0, err
		}
		return 0, unix.Fchmodat(fd, name, bits, 0) // without the umask
	})
	return err
}

// Stored returns the number of bytes that a file takes on the disk, without its holes.
func Stored(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return min(info.Size(), stat.Blocks*512)
	}
	return info.Size()
}

// Owner returns the uid and gid of a file, or 0 if they are unknown.
func Owner(info fs.FileInfo) (uid, gid int) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return 0, 0
}

// DataExtents returns the parts of a sparse file that hold data. It returns nil if the file has no holes, or more extents
// than a reader accepts.
func DataExtents(f *os.File, info fs.FileInfo) ([]archive.Extent, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Blocks*512 >= info.Size() {
		return nil, nil
	}
	extents := []archive.Extent{}
	for at := int64(0); at < info.Size(); {
		data, err := f.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, syscall.ENXIO) {
			break
		}
		if err != nil {
			return nil, nil // the file system does not track holes
		}
		hole, err := f.Seek(data, unix.SEEK_HOLE)
		if err != nil {
			return nil, fmt.Errorf("looking for holes: %w", err)
		}
		hole = min(hole, info.Size())
		extents = append(extents, archive.Extent{Offset: data, Length: hole - data})
		at = hole
	}
	if len(extents) > archive.MaxExtents || len(extents) == 1 && extents[0] == (archive.Extent{Length: info.Size()}) {
		return nil, nil
	}
	return extents, nil
}

// isPortable reports whether an extended attribute belongs to the file rather than to the machine: user attributes, ACLs,
// and capabilities do. SELinux labels and IMA signatures belong to the machine.
func isPortable(attr string) bool {
	switch attr {
	case "security.capability", "system.posix_acl_access", "system.posix_acl_default":
		return true
	}
	return strings.HasPrefix(attr, "user.") ||
		strings.HasPrefix(attr, "trusted.") && !strings.HasPrefix(attr, "trusted.overlay.")
}

// Xattrs returns the portable extended attributes of an open file.
func Xattrs(f File) (map[string]string, error) {
	return readXattrs(f, unix.Flistxattr, unix.Fgetxattr)
}

// LinkXattrs returns the portable extended attributes of the symbolic link or named pipe name in the open directory dir. Without
// root it finds few, because links can't have user attributes.
func LinkXattrs(dir File, name string) (map[string]string, error) {
	attrs, err := readXattrs(dir,
		func(fd int, buf []byte) (int, error) { return unix.Llistxattr(procPath(fd, name), buf) },
		func(fd int, attr string, buf []byte) (int, error) {
			return unix.Lgetxattr(procPath(fd, name), attr, buf)
		})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // without /proc
	}
	return attrs, err
}

// procPath returns a path in /proc to a file in an open directory. No component of the path is a link of the tree.
func procPath(fd int, name string) string { return fmt.Sprintf("/proc/self/fd/%d/%s", fd, name) }

// readXattrs reads the portable extended attributes of a file: list returns all names, and get the value of one.
func readXattrs(f File, list func(fd int, buf []byte) (int, error), get func(fd int, attr string, buf []byte) (int, error)) (map[string]string, error) {
	names, err := readXattr(f, list)
	if err != nil || names == "" {
		return nil, err
	}
	attrs := make(map[string]string)
	for name := range strings.SplitSeq(names, "\x00") {
		if !isPortable(name) {
			continue
		}
		value, err := readXattr(f, func(fd int, buf []byte) (int, error) { return get(fd, name, buf) })
		if err != nil {
			return nil, err
		}
		attrs[name] = value
	}
	return attrs, nil
}

// readXattr makes a system call that returns the size of its result if it gets no buffer.
func readXattr(f File, call func(fd int, buf []byte) (int, error)) (string, error) {
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

// SetXattrs sets the portable extended attributes of an open file. It returns the names of those that this user or file
// system does not permit.
func SetXattrs(f *os.File, attrs map[string]string) (skipped []string, err error) {
	return setXattrs(f, attrs, unix.Fsetxattr)
}

// SetLinkXattrs is like SetXattrs, for the symbolic link or named pipe name in the open directory dir.
func SetLinkXattrs(dir *os.File, name string, attrs map[string]string) (skipped []string, err error) {
	return setXattrs(dir, attrs, func(fd int, attr string, value []byte, flags int) error {
		return unix.Lsetxattr(procPath(fd, name), attr, value, flags)
	})
}

func setXattrs(f *os.File, attrs map[string]string, set func(fd int, attr string, value []byte, flags int) error) (skipped []string, err error) {
	for name, value := range attrs {
		if !isPortable(name) {
			continue
		}
		_, err := withFD(f, func(fd int) (int, error) { return 0, set(fd, name, []byte(value), 0) })
		switch {
		case errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOTSUP), errors.Is(err, fs.ErrNotExist): // the last one without /proc
			skipped = append(skipped, name)
		case err != nil:
			return nil, &fs.PathError{Op: "setxattr " + name, Path: f.Name(), Err: err}
		}
	}
	return skipped, nil
}

// SetTimes sets the modification time of an open file or directory.
func SetTimes(f *os.File, mtime time.Time) error {
	ts := [2]unix.Timespec{unix.NsecToTimespec(mtime.UnixNano()), unix.NsecToTimespec(mtime.UnixNano())}
	_, err := withFD(f, func(fd int) (int, error) {
		// futimens, which package unix lacks
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

// SetLinkTimes sets the modification time of the symbolic link or named pipe name in the open directory dir.
func SetLinkTimes(dir *os.File, name string, mtime time.Time) error {
	ts := unix.NsecToTimespec(mtime.UnixNano())
	_, err := withFD(dir, func(fd int) (int, error) {
		return 0, unix.UtimesNanoAt(fd, name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		return &fs.PathError{Op: "utimensat", Path: name, Err: err}
	}
	return nil
}

// withFD calls fn with the descriptor of f, which stays open during the call.
func withFD(f File, fn func(fd int) (int, error)) (n int, err error) {
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
