//go:build !unix

package registry

import "os"

// flock has no equivalent here: the work that it saves is done twice.
func flock(*os.File) bool { return false }

// flockShared has none either.
func flockShared(*os.File) bool { return false }

// openNonblock is not needed here: opening never waits.
const openNonblock = 0
