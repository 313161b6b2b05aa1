//go:build unix && !solaris && !aix

package record

import (
	"os"
	"syscall"
)

// TryLock takes an exclusive lock on an open file, which ends with the process at the latest.
func TryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// Lock waits for an exclusive lock on an open file.
func Lock(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			return err
		}
	}
}

// Locks tells whether a lock that was not got means that somebody is at work.
const Locks = true
