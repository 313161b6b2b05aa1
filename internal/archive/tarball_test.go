package archive_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/archive"
)

// headerBlock is a tar header block.
type headerBlock [archive.BlockSize]byte

// item is an entry of a test archive, valid or not.
type item struct {
	name, link string
	typeflag   byte // 0: '0', or '5' for a name that ends in a slash
	body       string
	mode       int64
	size       string // the size in the header, if it differs from the size of body
	pax        map[string]string
	change     func(*headerBlock)
}

func (i item) bytes() []byte {
	typeflag := i.typeflag
	if typeflag == 0 {
		typeflag = '0'
		if strings.HasSuffix(i.name, "/") {
			typeflag = '5'
		}
	}
	var out []byte
	if i.pax != nil {
		out = item{name: "PaxHeaders", typeflag: 'x', body: string(paxRecords(i.pax))}.bytes()
	}
	var b headerBlock
	copy(b[:100], i.name)
	copy(b[157:257], i.link)
	mode := i.mode
	if mode == 0 {
		mode = 0o644
	}
	copy(b[100:108], fmt.Sprintf("%07o\x00%07o\x00%07o", mode, 0, 0)) // mode, uid, gid
	copy(b[124:148], fmt.Sprintf("%011o\x00%011o", len(i.body), 0))   // size, mtime
	if i.size != "" {
		copy(b[124:136], i.size)
	}
	b[156] = typeflag
	copy(b[257:265], "ustar\x0000")
	fixChecksum(&b)
	if i.change != nil {
		i.change(&b)
		fixChecksum(&b)
	}
	out = append(out, b[:]...)
	out = append(out, i.body...)
	return append(out, make([]byte, archive.Padding(int64(len(i.body))))...)
}

func fixChecksum(b *headerBlock) {
	copy(b[148:156], "        ")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

// tarball returns an archive of items.
func tarball(items ...item) []byte {
	var b []byte
	for _, i := range items {
		b = append(b, i.bytes()...)
	}
	return append(b, make([]byte, 2*archive.BlockSize)...)
}

// paxRecords returns the body of an extended header.
func paxRecords(records map[string]string) []byte {
	var b []byte
	for _, key := range slices.Sorted(maps.Keys(records)) {
		rest := " " + key + "=" + records[key] + "\n"
		size := len(rest)
		for size != len(rest)+len(strconv.Itoa(size)) {
			size = len(rest) + len(strconv.Itoa(size))
		}
		b = append(strconv.AppendInt(b, int64(size), 10), rest...)
	}
	return b
}

// sparseMap returns the map of a sparse file in format 1.0.
func sparseMap(extents []archive.Extent) []byte {
	b := fmt.Appendf(nil, "%d\n", len(extents))
	for _, e := range extents {
		b = fmt.Appendf(b, "%d\n%d\n", e.Offset, e.Length)
	}
	return append(b, make([]byte, archive.Padding(int64(len(b))))...)
}

// sparse10 returns an archive of a sparse file "s" with 8 bytes of data.
func sparse10(size string, extents ...archive.Extent) []byte {
	return tarball(item{name: "s", body: string(sparseMap(extents)) + "12345678", pax: map[string]string{
		"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": size}})
}
