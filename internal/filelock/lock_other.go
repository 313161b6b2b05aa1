//go:build !windows && (!unix || solaris || aix)

package filelock

import "os"

// Supported reports whether a lock that TryFile did not get is held by another process.
const Supported = false

// OpenNonblock is not needed here: opening never waits.
const OpenNonblock = 0

// tryFlock has no equivalent here: the work that a lock saves is done twice.
func tryFlock(*os.File, bool) (got, busy bool) { return false, false }

// Exclusive locks nothing here.
func Exclusive(*os.File) error { return nil }
