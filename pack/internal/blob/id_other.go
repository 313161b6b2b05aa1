//go:build !unix

package blob

import "io/fs"

// inode is unknown on this system, so an upload can't resume in another process.
func inode(fs.FileInfo) (string, bool) { return "", false }
