package archive

import (
	"bytes"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"
)

// Header is one entry of an archive that is read.
type Header struct {
	Name string // clean slash path; "." is the root of the archive
	// Link is the target of a symbolic link as the archive has it, or the Name of the earlier entry that a regular
	// file is a hard link to.
	Link    string
	Size    int64 // of a regular file's content, holes included
	Mode    fs.FileMode
	UID     int
	GID     int
	ModTime time.Time
	Xattrs  map[string]string
	// Offset is where the content begins in the decompressed archive; -1 for a sparse file, whose content is not in
	// one piece.
	Offset int64

	stored  int64    // bytes in the archive
	extents []extent // of a sparse file
	sparse  bool
}

// HardLink tells whether h is a further name of an earlier entry.
func (h *Header) HardLink() bool { return h.Mode.IsRegular() && h.Link != "" }

// The limits of what stands in front of an entry.
const (
	maxExtended = 1 << 20   // of an extended header: some xattrs of 64 KiB each
	maxOctal    = 1<<33 - 1 // what the size field holds
	maxHeaders  = 16        // extended headers before one entry
	paxSparse   = "GNU.sparse."
)

// block is one header block of a tar, with the fields of ustar and GNU.
type headerBlock [blockSize]byte

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

// gnu tells whether the block has the fields of GNU behind the common ones.
func (b *headerBlock) gnu() bool { return string(b[257:265]) == "ustar  \x00" }

// checksum tells whether the block is a header at all. Old archives summed signed bytes.
func (b *headerBlock) checksum() bool {
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

// path is the name with the prefix of ustar, which the GNU format does not have.
func (b *headerBlock) path() string {
	name := cString(b.name())
	if b.magic() != magicUstar {
		return name
	}
	prefix := b[345:500]
	if string(b[508:512]) == "tar\x00" { // of star
		prefix = b[345:476]
	}
	if p := cString(prefix); p != "" {
		return p + "/" + name
	}
	return name
}

// cString is the bytes before the first NUL.
func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// parseOctal reads a number field: octal digits between spaces and NULs.
func parseOctal(b []byte) (int64, bool) {
	s := strings.Trim(cString(bytes.TrimLeft(b, " \x00")), " ")
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(s, 8, 63)
	return int64(n), err == nil
}

// parseNumber reads a number field, octal or in the base-256 of GNU.
func parseNumber(b []byte) (int64, bool) {
	if b[0]&0x80 == 0 {
		return parseOctal(b)
	}
	negative := b[0]&0x40 != 0
	n := int64(int8(b[0]<<1) >> 1) // the first bit is the mark, the second the sign
	for _, c := range b[1:] {
		if n > math.MaxInt64>>8 || n < math.MinInt64>>8 {
			return 0, false
		}
		n = n<<8 | int64(c)
	}
	return n, negative == (n < 0)
}

// pax is the records of an extended header, in order.
type pax []paxRecord

type paxRecord struct{ key, value string }

// get gives the last value of a key.
func (p pax) get(key string) (string, bool) {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].key == key {
			return p[i].value, p[i].value != ""
		}
	}
	return "", false
}

// parsePAX reads the records "LENGTH KEY=VALUE\n". A key that decides what is unpacked where must not come twice, since
// readers differ in which one they believe.
func parsePAX(b []byte) (pax, bool) {
	var records pax
	for len(b) > 0 {
		space := bytes.IndexByte(b, ' ')
		if space <= 0 || space > 7 {
			return nil, false
		}
		n, err := strconv.ParseUint(string(b[:space]), 10, 31)
		if err != nil || b[0] == '0' || int(n) <= space+1 || int(n) > len(b) || b[n-1] != '\n' {
			return nil, false
		}
		key, value, ok := strings.Cut(string(b[space+1:n-1]), "=")
		if !ok || key == "" || strings.Contains(key, "\x00") {
			return nil, false
		}
		if decides(key) && (strings.Contains(value, "\x00") || records.has(key)) {
			return nil, false
		}
		records = append(records, paxRecord{key, value})
		b = b[n:]
	}
	return records, true
}

func (p pax) has(key string) bool {
	for _, r := range p {
		if r.key == key {
			return true
		}
	}
	return false
}

// decides tells whether a key says where an entry goes or how long it is. The maps of the sparse format 0.0 repeat
// their keys.
func decides(key string) bool {
	switch key {
	case "path", "linkpath", "size":
		return true
	case paxSparse + "offset", paxSparse + "numbytes":
		return false
	}
	return strings.HasPrefix(key, paxSparse)
}

// number reads a decimal record.
func (p pax) number(key string, into *int64) bool {
	s, ok := p.get(key)
	if !ok {
		return true
	}
	n, err := strconv.ParseUint(s, 10, 63)
	*into = int64(n)
	return err == nil
}

// mtime reads a time with a fraction.
func (p pax) mtime(into *time.Time) bool {
	s, ok := p.get("mtime")
	if !ok {
		return true
	}
	whole, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.Trim(fraction, "0123456789") != "" {
		return false
	}
	nsec, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	if strings.HasPrefix(whole, "-") {
		nsec = -nsec
	}
	*into = time.Unix(sec, nsec)
	return true
}
