//go:build unix

package blob

import (
	"fmt"
	"io/fs"
	"syscall"
)

// inode returns the device and inode numbers of a file. It returns false if info does not come from the operating system.
func inode(info fs.FileInfo) (string, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", false
	}
	return fmt.Sprintf("%d:%d", st.Dev, st.Ino), true
}
