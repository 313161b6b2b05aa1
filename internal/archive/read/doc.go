// Package read parses tar archives that anyone may have written: gzip, zstd, or plain, detected by content.
//
// It refuses entries that could lead outside, that another reader could understand differently, or that exceed the limits,
// with an [*archive.UnsafeError] that names the entry.
package read
