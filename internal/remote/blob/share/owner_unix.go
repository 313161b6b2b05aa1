//go:build unix

package share

import (
	"io/fs"
	"os"
	"syscall"
)

// isOurs reports whether a file belongs to this user, and no other user can write to it.
func isOurs(info fs.FileInfo, err error) bool {
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && (!info.IsDir() || info.Mode().Perm()&0o022 == 0)
}
