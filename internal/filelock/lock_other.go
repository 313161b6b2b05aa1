//go:build !unix

package filelock

import "os"

// openNonblock is not needed here: opening never waits.
const openNonblock = 0

// tryFlock has no equivalent here: the work that a lock saves is done twice.
func tryFlock(*os.File, bool) (got, busy bool) { return false, false }
