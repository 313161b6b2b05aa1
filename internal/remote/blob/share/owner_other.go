//go:build !unix

package share

import "io/fs"

// isOurs reports false: without locks there is nothing to share.
func isOurs(fs.FileInfo, error) bool { return false }
