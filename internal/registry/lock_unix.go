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
