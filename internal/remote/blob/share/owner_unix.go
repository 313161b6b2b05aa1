//go:build unix

package share

import (
	"io/fs"
	"os"
	"syscall"
)

// isOurs reports whether this user owns a file, or a directory to which no other user can write. The arguments are the results of
// a call such as os.Lstat.
func isOurs(info fs.FileInfo, err error) bool {
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && (!info.IsDir() || info.Mode().Perm()&0o022 == 0)
}
