// Package compress compresses archives with gzip and zstd so that the same input has the same output on any machine, and
// decompresses them.
package compress
