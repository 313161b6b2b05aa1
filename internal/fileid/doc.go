// Package fileid returns the identity of files, by which changes are detected.
package fileid
