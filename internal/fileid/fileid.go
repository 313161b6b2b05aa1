package fileid

import "io/fs"

// ID identifies a file and its last change. Unlike the mtime, a program can't set these values.
type ID struct {
	Dev, Inode uint64
	Links      uint64 // names that the file has
	Changed    int64  // the ctime in nanoseconds since 1970: of the last change of the content or of the metadata
}

// Of returns the ID of a file. It reports false if the system has none.
func Of(info fs.FileInfo) (ID, bool) { return of(info) }
