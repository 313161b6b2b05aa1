package archive

// BlockSize is the size of a tar block in bytes.
const BlockSize = 512

// Padding returns the number of bytes that fill the last block of content.
func Padding(size int64) int64 { return -size & (BlockSize - 1) }

// XattrPrefix precedes the names of extended attributes in PAX records, as star, GNU tar, and Docker write them.
const XattrPrefix = "SCHILY.xattr."

// Extent is a part of a sparse file that holds data.
type Extent struct{ Offset, Length int64 }

// MaxExtents limits the map of a sparse file, written or read, to 4 MiB of memory.
const MaxExtents = 1 << 18

const (
	// SmallFile is the maximum size in bytes of a file that is read or written at once, by one of several goroutines. Opening
	// and closing a file costs as much as copying about this many bytes.
	SmallFile = 64 << 10
	// MaxAhead limits the small files that have been read but not yet written, and so their memory to 4 MiB.
	MaxAhead = 64
	// BufferSize is the size in bytes of the buffer for copying large files.
	BufferSize = 256 << 10
)

// Resize returns a buffer of n bytes: buf itself if it is large enough.
func Resize(buf []byte, n int64) []byte {
	if int64(cap(buf)) < n {
		return make([]byte, n)
	}
	return buf[:n]
}
