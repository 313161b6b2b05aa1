package files

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// cloneFile makes dst share the blocks of src, which must be a whole file, and reports whether it did. Only some file systems
// support this, such as btrfs and xfs. A later change of one file does not affect the other.
func cloneFile(dst *os.File, src Extent) bool {
	info, err := src.File.Stat()
	if err != nil || src.Offset != 0 || info.Size() != src.Size || src.Size == 0 {
		return false
	}
	if unix.IoctlFileClone(int(dst.Fd()), int(src.File.Fd())) != nil {
		return false
	}
	info, err = dst.Stat()
	return err == nil && info.Size() == src.Size
}

// copyRange copies an extent to offset at of dst, in the kernel if the file systems support this. It returns the number of bytes
// copied, which may be less than the size of the extent.
func copyRange(dst *os.File, at int64, src Extent) (int64, error) {
	from := src.Offset
	for {
		n, err := unix.CopyFileRange(int(src.File.Fd()), &from, int(dst.Fd()), &at, int(src.Size), 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err == nil && n > 0:
			return int64(n), nil
		case err == nil, errors.Is(err, unix.EXDEV), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS),
			errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPERM), errors.Is(err, unix.EIO), errors.Is(err, unix.EBADF):
			return copyPlain(dst, at, src) // not supported by the file systems; copyPlain reports real errors
		}
		return 0, &fs.PathError{Op: "write", Path: dst.Name(), Err: err}
	}
}
