package fileid

import "io/fs"

// ID identifies a file and its last change. Unlike the mtime, a program can't set these values.
type ID struct {
	Dev, Inode uint64
	Links      uint64 // number of hard links
	Changed    int64  // the ctime in nanoseconds since 1970: the time of the last change of content or metadata
}

// Of returns the ID of a file. It returns false where the system has none.
func Of(info fs.FileInfo) (ID, bool) { return of(info) }
