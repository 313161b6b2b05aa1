//go:build linux || openbsd || dragonfly || solaris

package digestcache

import (
	"io/fs"
	"syscall"
)

// identify returns the device, inode, size, mtime, and ctime of a regular file.
func identify(info fs.FileInfo) (record, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return record{}, false
	}
	return record{
		fileID: fileID{uint64(st.Dev), uint64(st.Ino)},
		size:   info.Size(),
		mtime:  info.ModTime().UnixNano(),
		ctime:  int64(st.Ctim.Sec)*1e9 + int64(st.Ctim.Nsec),
	}, true
}
