//go:build unix

package share

import (
	"io/fs"
	"os"
	"syscall"
)

// isOurs reports whether a file or directory belongs to this user. No other user may be able to write to a directory. The
// arguments are the results of a call such as os.Lstat.
func isOurs(info fs.FileInfo, err error) bool {
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && (!info.IsDir() || info.Mode().Perm()&0o022 == 0)
}
