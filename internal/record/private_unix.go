//go:build unix

package record

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openNonblock opens a pipe without waiting for its other end.
const openNonblock = syscall.O_NONBLOCK

// IsPrivate reports whether only this user can write a directory.
func IsPrivate(info fs.FileInfo) bool {
	uid, _, ok := Owner(info)
	return ok && info.IsDir() && uid == os.Geteuid() && info.Mode().Perm()&0o022 == 0
}

func isWritable(dir string) error { return unix.Access(dir, unix.W_OK) }
