//go:build unix && !solaris && !aix

package pull

import (
	"os"
	"syscall"
)

// tryLock takes an exclusive lock on an open file, which ends with the process at the latest.
func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// lock waits for an exclusive lock on an open file.
func lock(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			return err
		}
	}
}

// locks tells whether a lock that was not got means that somebody is at work.
const locks = true
