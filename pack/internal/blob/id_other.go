//go:build !unix

package blob

import "io/fs"

// inode returns false: this system has no file identifiers, so an upload can't resume in another process.
func inode(fs.FileInfo) (string, bool) { return "", false }
