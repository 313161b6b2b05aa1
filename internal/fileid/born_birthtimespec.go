//go:build darwin || freebsd || netbsd

package fileid

import (
	"os"
	"syscall"
)

// Born returns when an open file or directory was created, in nanoseconds since 1970, or 0 if the file system does not record it.
// Together with the inode it distinguishes a directory from another one that was created later in its place.
func Born(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Birthtimespec.Sec <= 0 {
		return 0
	}
	return int64(st.Birthtimespec.Sec)*1e9 + int64(st.Birthtimespec.Nsec)
}
