//go:build !linux

package files

import "os"

// cloneFile returns false, because cloning is implemented only for Linux.
func cloneFile(*os.File, Extent) bool { return false }

// copyRange copies an extent to offset at of dst.
func copyRange(dst *os.File, at int64, src Extent) (int64, error) { return copyPlain(dst, at, src) }
