//go:build unix

package record

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openNonblock is the flag that opens a named pipe without waiting for its other end.
const openNonblock = syscall.O_NONBLOCK

// IsPrivate reports whether only this user can write to a directory.
func IsPrivate(info fs.FileInfo) bool {
	uid, _, ok := Owner(info)
	return ok && info.IsDir() && uid == os.Geteuid() && info.Mode().Perm()&0o022 == 0
}

func isWritable(dir string) error { return unix.Access(dir, unix.W_OK) }
