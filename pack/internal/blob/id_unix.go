//go:build unix

package blob

import (
	"fmt"
	"io/fs"
	"syscall"
)

// inode identifies the file on this machine.
func inode(info fs.FileInfo) (string, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", false
	}
	return fmt.Sprintf("%d:%d", st.Dev, st.Ino), true
}
