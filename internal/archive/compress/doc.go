// Package compress compresses archives with gzip and zstd so that the same input gives the same bytes on any machine, and
// decompresses them.
package compress
