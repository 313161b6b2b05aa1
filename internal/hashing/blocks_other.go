//go:build !amd64 || purego

package hashing

// canInterleave reports whether this platform implements blocks.
func canInterleave() bool { return false }

// blocks is never called.
func blocks(a, b lane, n int) {}
