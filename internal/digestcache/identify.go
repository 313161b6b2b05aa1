package digestcache

import (
	"io/fs"

	"github.com/davit-oci/davit/internal/fileid"
)

// identify returns the device, inode, size, mtime, and ctime of a regular file. It returns false for other files, and where the
// system has no ctime: a file that was replaced and had its mtime restored would look unchanged.
func identify(info fs.FileInfo) (record, bool) {
	id, ok := fileid.Of(info)
	if !ok || !info.Mode().IsRegular() {
		return record{}, false
	}
	return record{
		fileID: fileID{id.Dev, id.Inode}, size: info.Size(), mtime: info.ModTime().UnixNano(), ctime: id.Changed,
	}, true
}
