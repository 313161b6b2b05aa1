//go:build !windows && (!unix || solaris || aix)

package filelock

import "os"

// Supported reports whether the system has locks. If so, a failure of TryFile means that another process holds the lock.
const Supported = false

// OpenNonblock is not needed here: opening never waits.
const OpenNonblock = 0

// tryFlock never takes a lock on these systems. Work may be done twice.
func tryFlock(*os.File, bool) (got, busy bool) { return false, false }

// Exclusive does nothing here.
func Exclusive(*os.File) error { return nil }
