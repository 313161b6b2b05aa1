// Package read parses untrusted tar archives: gzip, zstd, or plain, detected by content.
//
// It refuses entries that could lead outside, that another reader could understand differently, or that exceed the limits,
// with an [*archive.UnsafeError] that names the entry.
package read
