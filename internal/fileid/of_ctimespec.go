//go:build darwin || freebsd || netbsd

package fileid

import (
	"io/fs"
	"syscall"
)

func of(info fs.FileInfo) (ID, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ID{}, false
	}
	return ID{uint64(st.Dev), uint64(st.Ino), uint64(st.Nlink), int64(st.Ctimespec.Sec)*1e9 + int64(st.Ctimespec.Nsec)}, true
}
