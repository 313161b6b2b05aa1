//go:build !amd64 || purego

package hashing

// canInterleave reports whether this platform implements hashBlocks.
func canInterleave() bool { return false }

// hashBlocks is never called, since canInterleave returns false.
func hashBlocks(a, b lane, n int) {}
