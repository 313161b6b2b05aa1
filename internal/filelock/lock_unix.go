//go:build unix && !solaris && !aix

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Supported reports whether the system has locks. If so, a failure of TryFile means that another process holds the lock.
const Supported = true

// OpenNonblock keeps open from waiting for a writer when the file is a named pipe.
const OpenNonblock = syscall.O_NONBLOCK

// tryFlock tries to take the lock of an open file, exclusive or shared. busy means that another process holds the lock and
// waiting makes sense. If both results are false, locks are not supported. Closing the file releases the lock.
func tryFlock(f *os.File, shared bool) (got, busy bool) {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	return err == nil, errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR)
}

// Exclusive waits for an exclusive lock on an open file, without limit. Closing the file releases the lock.
func Exclusive(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
