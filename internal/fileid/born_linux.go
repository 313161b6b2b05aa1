package fileid

import (
	"os"

	"golang.org/x/sys/unix"
)

// Born returns when an open file or directory was created, in nanoseconds since 1970, or 0 if the file system does not record it.
// Together with the inode it distinguishes a directory from another one that was created later in its place.
func Born(f *os.File) int64 {
	var st unix.Statx_t
	err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &st)
	if err != nil || st.Mask&unix.STATX_BTIME == 0 {
		return 0
	}
	return st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
}
