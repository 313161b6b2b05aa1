//go:build unix

package registry

import (
	"os"
	"syscall"
)

// flock takes the file for this process alone, at once or not at all. It ends with the file.
func flock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// flockShared takes the file together with others that take it so.
func flockShared(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil
}

// openNonblock keeps the opening of a named pipe from waiting for somebody who writes to it.
const openNonblock = syscall.O_NONBLOCK
