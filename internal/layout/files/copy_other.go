//go:build !linux

package files

import "os"

// cloneFile is an optimization that only Linux supports.
func cloneFile(*os.File, Extent) bool { return false }

func copyRange(dst *os.File, at int64, src Extent) (int64, error) { return copyPlain(dst, at, src) }
