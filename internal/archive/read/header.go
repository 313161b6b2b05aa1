package read

import (
	"bytes"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/archive"
)

// Header is an entry of an archive.
type Header struct {
	Name string // clean slash path; "." is the root of the archive
	// Link is the target of a symbolic link as in the archive or, for a regular file, the Name of the earlier entry that
	// it is a hard link to.
	Link string
	// Absolute is the target of a symbolic link of an image if it is absolute. Link is then relative.
	Absolute string

	Size    int64 // of a regular file's content, holes included
	Mode    fs.FileMode
	UID     int
	GID     int
	ModTime time.Time
	Xattrs  map[string]string
	// Offset is the position of the content in the decompressed archive. It is -1 for a sparse file, whose content is not
	// contiguous.
	Offset   int64
	IsSparse bool
	Extents  []archive.Extent // of a sparse file

	stored  int64  // bytes of content in the archive
	special string // "a device" or namedPipe; empty for other types
}

// IsHardLink reports whether h is another name of an earlier entry.
func (h *Header) IsHardLink() bool { return h.Mode.IsRegular() && h.Link != "" }

// The limits on extended headers.
const (
	maxExtended = 1 << 20   // size of an extended header: some extended attributes of 64 KiB each
	maxOctal    = 1<<33 - 1 // largest number in the size field
	maxHeaders  = 16        // number of extended headers before one entry
	paxSparse   = "GNU.sparse."
)

// headerBlock is a header block of a tar, with the fields of ustar and GNU.
type headerBlock [archive.BlockSize]byte

func (b *headerBlock) name() []byte     { return b[0:100] }
func (b *headerBlock) mode() []byte     { return b[100:108] }
func (b *headerBlock) uid() []byte      { return b[108:116] }
func (b *headerBlock) gid() []byte      { return b[116:124] }
func (b *headerBlock) size() []byte     { return b[124:136] }
func (b *headerBlock) mtime() []byte    { return b[136:148] }
func (b *headerBlock) typeflag() byte   { return b[156] }
func (b *headerBlock) linkname() []byte { return b[157:257] }
func (b *headerBlock) magic() string    { return string(b[257:263]) }

const magicUstar = "ustar\x00"

// isGNU reports whether the block has the fields of GNU after the common ones.
func (b *headerBlock) isGNU() bool { return string(b[257:265]) == "ustar  \x00" }

// hasChecksum reports whether the block has the right checksum, and so is a header. Old archives have a sum of signed bytes.
func (b *headerBlock) hasChecksum() bool {
	want, ok := parseOctal(b[148:156])
	var unsigned, signed int64
	for i, c := range b {
		if 148 <= i && i < 156 {
			c = ' '
		}
		unsigned += int64(c)
		signed += int64(int8(c))
	}
	return ok && (want == unsigned || want == signed)
}

// path returns the name with the prefix of ustar, which the GNU format lacks.
func (b *headerBlock) path() string {
	name := cString(b.name())
	if b.magic() != magicUstar {
		return name
	}
	prefix := b[345:500]
	if string(b[508:512]) == "tar\x00" { // the format of star
		prefix = b[345:476]
	}
	if p := cString(prefix); p != "" {
		return p + "/" + name
	}
	return name
}

// cString returns the bytes before the first NUL.
func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// parseOctal parses a number field: octal digits between spaces and NULs.
func parseOctal(b []byte) (int64, bool) {
	s := strings.Trim(cString(bytes.TrimLeft(b, " \x00")), " ")
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(s, 8, 63)
	return int64(n), err == nil
}

// parseNumber parses a number field, octal or in the base-256 format of GNU.
func parseNumber(b []byte) (int64, bool) {
	if b[0]&0x80 == 0 {
		return parseOctal(b)
	}
	negative := b[0]&0x40 != 0
	n := int64(int8(b[0]<<1) >> 1) // the first bit marks the format, the second is the sign
	for _, c := range b[1:] {
		if n > math.MaxInt64>>8 || n < math.MinInt64>>8 {
			return 0, false
		}
		n = n<<8 | int64(c)
	}
	return n, negative == (n < 0)
}
