package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Supported reports whether the system has locks. If so, a failure of TryFile means that another process holds the lock.
const Supported = true

// OpenNonblock is not needed here: opening never waits.
const OpenNonblock = 0

// region returns the byte to lock. Locks are mandatory on Windows, so it is past the end of any file: other processes can
// still read and write the content.
func region() *windows.Overlapped {
	return &windows.Overlapped{Offset: 0xffff_fffe, OffsetHigh: 0x7fff_ffff}
}

// tryFlock tries to take the lock of an open file, exclusive or shared. busy means that another process holds the lock and
// waiting makes sense. If both results are false, locks are not supported. Closing the file releases the lock.
func tryFlock(f *os.File, shared bool) (got, busy bool) {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if !shared {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, region())
	return err == nil, errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING)
}

// Exclusive waits for an exclusive lock on an open file, without limit. Closing the file releases the lock.
func Exclusive(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, region())
}
